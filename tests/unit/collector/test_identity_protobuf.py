"""The small protobuf reader agrees with protobuf, and survives what is no message."""

import contextlib

from cri_api.v1 import api_pb2 as cri
from hypothesis import given, strategies as st

from collector.identity.protobuf import bytes_fields, first, text_field


@given(st.text(min_size=1, max_size=4000))
def test_a_text_field_is_what_protobuf_writes(value):
    """One encoded text field equals the bytes of protobuf's own encoder."""
    assert text_field(1, value) == cri.ContainerStatusRequest(container_id=value).SerializeToString()


@given(st.text(min_size=1), st.text(min_size=1), st.integers(0, 2**32 - 1))
def test_nested_fields_are_found_beside_numbers(name, image, attempt):
    """Fields are found below nested messages, with numbers between them."""
    message = cri.ListContainersResponse(
        containers=[
            cri.Container(
                metadata=cri.ContainerMetadata(name=name, attempt=attempt),
                image=cri.ImageSpec(image=image),
                created_at=attempt,
            )
        ]
    ).SerializeToString()

    assert first(message, 1, 3, 1).decode() == name
    assert first(message, 1, 4, 1).decode() == image
    assert first(message, 9, 1) == b""


@given(st.binary(max_size=300))
def test_any_bytes_end_in_fields_or_value_error(message):
    """Arbitrary bytes raise nothing but ValueError."""
    with contextlib.suppress(ValueError):
        assert all(len(body) <= len(message) for _, body in bytes_fields(message))
