"""The whole story on real containers: learn under load, stay quiet under changing load, raise intrusions.

`python -m demo` starts nonself as a user does and knows it by its REST API
and its commands alone; the containers come from `lab`.
"""
