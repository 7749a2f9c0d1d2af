"""The kernel sensor: compiles and loads the BPF programs, reads their tables."""

from collector.sensor.sensor import KernelSensor, open_sensor
from collector.sensor.settings import SensorSettings

__all__ = ["KernelSensor", "SensorSettings", "open_sensor"]
