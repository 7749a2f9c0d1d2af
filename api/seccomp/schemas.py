"""What REST says of a seccomp profile."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


class ProfileFormat(StrEnum):
    """For whom a profile is written."""

    OCI = "oci"
    """For container runtimes and the kubelet: a JSON file."""
    RESOURCE = "resource"
    """For the security-profiles-operator."""


class SeccompQuery(BaseModel):
    """How a profile is wanted."""

    model_config = ConfigDict(extra="forbid")

    format: ProfileFormat = ProfileFormat.OCI
    also: Annotated[
        str, Field(max_length=4096, description="Calls to allow beside the learned ones, with commas.")
    ] = ""
    incomplete: Annotated[
        bool,
        Field(description="Give one also where the baseline is not ready; the warnings say why it is not."),
    ] = False


class LeftOutOut(BaseModel):
    """Calls that were seen and are not allowed."""

    quarantined: Annotated[
        list[str], Field(description="Seen only in windows that are held out of learning and still kept.")
    ]
    unnamed: Annotated[list[str], Field(description="Learned, but no table has a name for their numbers.")]


class SeccompOut(BaseModel):
    """A seccomp profile of what was learned."""

    workload_id: int
    format: ProfileFormat
    profile: Annotated[dict[str, Any], Field(description="The profile itself: save this part as a file.")]
    learned: Annotated[list[str], Field(description="Calls of the baseline.")]
    exec_only: Annotated[list[str], Field(description="Of those, what only exec sessions and probes made.")]
    added: Annotated[
        list[str],
        Field(description="Not learned: what runtimes call under the filter, what stays hidden, `also`."),
    ]
    left_out: LeftOutOut
    warnings: Annotated[list[str], Field(description="Why it may refuse what the workload needs.")]
