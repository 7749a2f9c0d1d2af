"""Splunk modular input of nonself: what happened to alerts, each change with its alert, as a line of JSON.

It follows `GET /v1/alerts/changes` and keeps the cursor of the last page in a file of Splunk's checkpoint
folder, once the page's lines are written. It needs the Python that comes with Splunk (3.7 and later), and
nothing else.
"""

import hashlib
import json
import os
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET  # the document comes from splunkd
from datetime import datetime

SCHEME = """<scheme>
  <title>nonself</title>
  <description>What happens to alerts of nonself.</description>
  <use_external_validation>true</use_external_validation>
  <use_single_instance>false</use_single_instance>
  <streaming_mode>simple</streaming_mode>
  <endpoint><args>
    <arg name="url"><title>URL</title><description>Of the service.</description></arg>
    <arg name="token_file"><title>File with the token</title>
      <description>Readable for Splunk alone; a token of role read.</description></arg>
    <arg name="ca_file"><title>Certificates</title>
      <description>PEM file of those to trust instead of the system's.</description>
      <required_on_create>false</required_on_create></arg>
    <arg name="namespace"><title>Namespace</title>
      <description>Take alerts of this one alone.</description>
      <required_on_create>false</required_on_create></arg>
  </args></endpoint>
</scheme>"""
PAGE = 500
TIMEOUT_S = 30
LEFT_OUT = ("windows", "matches")
"""Long lists of an alert; `contributions` and `match` say the most of them."""


class WrongInputError(Exception):
    """The stanza cannot be worked with."""


class Input:
    """One stanza of inputs.conf, and the service that it names."""

    def __init__(self, name, settings):
        self.name = name
        self.url = settings.get("url", "").rstrip("/")
        if not self.url.startswith(("https://", "http://")):
            raise WrongInputError("url: expected http(s)://…; got {!r}.".format(self.url))
        self.namespace = settings.get("namespace", "")
        try:
            with open(settings.get("token_file", ""), encoding="utf-8") as file:
                token = file.read().strip()
        except OSError as error:
            raise WrongInputError("token_file: it cannot be read: {}.".format(error)) from error
        self._headers = {"Authorization": "Bearer " + token}
        self._trust = ssl.create_default_context(cafile=settings.get("ca_file") or None)

    def get(self, path, **query):
        """Return what the service answers."""
        address = self.url + path + ("?" + urllib.parse.urlencode(query) if query else "")
        request = urllib.request.Request(address, headers=self._headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=self._trust) as answer:
            return json.load(answer)

    def pages(self, cursor):
        """Give the lines of one page and the cursor behind it, until there are no more."""
        while True:
            query = {"limit": PAGE}
            if cursor:
                query["cursor"] = cursor
            page = self.get("/v1/alerts/changes", **query)
            if not page["items"]:
                return
            cursor = page["next_cursor"]
            # Several changes of one page are told with the alert as it is now.
            alerts = {
                each: self.get("/v1/alerts/{}".format(each)) for each in {i["alert"] for i in page["items"]}
            }
            lines = [
                to_line(each, alerts[each["alert"]])
                for each in page["items"]
                if self.wants(alerts[each["alert"]])
            ]
            yield lines, cursor

    def wants(self, alert):
        """Tell whether the stanza asks for this alert."""
        return self.namespace in ("", alert["workload"]["namespace"])


def to_line(change, alert):
    """Return one change with its alert; `time` comes first, where props.conf looks for it."""
    at = datetime.fromisoformat(change["created_at"].replace("Z", "+00:00"))
    shown = {name: value for name, value in alert.items() if name not in LEFT_OUT}
    said = {"time": at.isoformat(timespec="milliseconds"), "change": without_nulls(change)}
    said["alert"] = without_nulls(shown)
    return json.dumps(said)


def without_nulls(value):
    """Leave out what is null: Splunk would show the text `null`."""
    if isinstance(value, dict):
        return {name: without_nulls(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


class Checkpoint:
    """The cursor of one stanza, in a file that is replaced whole."""

    def __init__(self, folder, name):
        self._path = os.path.join(folder, hashlib.sha256(name.encode()).hexdigest()[:32] + ".cursor")

    def read(self):
        """Return the cursor; None where there is none yet."""
        try:
            with open(self._path, encoding="ascii") as file:
                return file.read().strip() or None
        except FileNotFoundError:
            return None

    def write(self, cursor):
        """Keep the cursor past a crash."""
        with open(self._path + ".new", "w", encoding="ascii") as file:
            file.write(cursor)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._path + ".new", self._path)


def stream(document):
    """Write what is new for each stanza that Splunk's document names."""
    folder = document.findtext("checkpoint_dir")
    for stanza in document.iter("stanza"):
        name = stanza.get("name")
        checkpoint = Checkpoint(folder, name)
        for lines, cursor in Input(name, settings_of(stanza)).pages(checkpoint.read()):
            for line in lines:
                sys.stdout.write(line + "\n")
            sys.stdout.flush()
            # After the lines: what dies in between comes again, under the same change.id.
            checkpoint.write(cursor)


def validate(document):
    """Ask the service once with the settings that a person typed."""
    item = document.find("item")
    Input(item.get("name"), settings_of(item)).get("/v1/alerts/changes", limit=1)


def settings_of(element):
    """Return the parameters below an element."""
    return {each.get("name"): each.text or "" for each in element.iter("param")}


def main(arguments):
    """Do what Splunk asks for; return the exit status."""
    if arguments == ["--scheme"]:
        print(SCHEME)
        return 0
    validating = arguments == ["--validate-arguments"]
    try:
        document = ET.fromstring(sys.stdin.read())
        (validate if validating else stream)(document)
    except (WrongInputError, OSError, ValueError) as error:
        # splunkd.log sorts by the first word; the form in Splunk's pages shows <message>.
        print("ERROR nonself: {}".format(error), file=sys.stderr)
        if validating:
            print(
                "<error><message>{}</message></error>".format(
                    str(error).replace("&", "&amp;").replace("<", "&lt;")
                )
            )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
