"""A receiver of OpenTelemetry's logs over HTTP, on the official protobufs; it stands in for a collector."""

from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.receiver import Receiver

JSON = "application/json"


class LogsReceiver(Receiver):
    """Answers as OTLP/HTTP says: what it cannot read is 400, another type of content 415, and the rest taken.

    The decoder refuses members that the protobuf has not. Unlike a collector it has no pipeline, no gRPC
    and no compression.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.records: list[LogRecord] = []
        self.refused: list[str] = []

    def _take(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        type_ = headers.get("Content-Type", "").partition(";")[0]
        if type_ != JSON:
            self.refused.append(type_)
            return 415, {}, b""
        try:
            request = json_format.Parse(body, ExportLogsServiceRequest())
        except json_format.ParseError as error:
            self.refused.append(str(error))
            return 400, {"Content-Type": JSON}, b'{"code": 3, "message": "not readable"}'
        for resource in request.resource_logs:
            for scope in resource.scope_logs:
                self.records.extend(scope.log_records)
        return 200, {"Content-Type": JSON}, json_format.MessageToJson(ExportLogsServiceResponse()).encode()
