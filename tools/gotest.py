#!/usr/bin/env python3
"""Runs go test -json and says how it went, one line for each package.

Usage: gotest.py [GO_TEST_ARGUMENT...]

Shows the output of failed tests and the reasons of skipped ones, and ends
with "N passed, N failed, N skipped", subtests counted. Exits as go test does.
"""

import collections
import json
import subprocess
import sys


class Summary:
    """Follows the events of a test run."""

    def __init__(self):
        self.counts = collections.Counter()
        self.output = collections.defaultdict(list)

    def line(self, text):
        """Takes a line of go test."""
        try:
            event = json.loads(text)
        except ValueError:
            print(text, end="", flush=True)
            return
        action = event.get("Action")
        place = event.get("Package", event.get("ImportPath")), event.get("Test")
        if action == "build-output":
            print(event["Output"], end="", flush=True)
        elif action == "output" and not event["Output"].startswith("=== "):
            self.output[place].append(event["Output"])
        elif action in ("pass", "fail", "skip"):
            self.end(action, *place)

    def end(self, action, package, test):
        """Takes the end of a test, or of a package when there is no test."""
        output = self.output.pop((package, test), [])
        if test is None:
            self.end_package(action, package, output)
            return
        self.counts[action] += 1
        if action == "fail":
            self.counts[package] += 1
        if action != "pass":
            print(f"{package}:\n" + "".join(output), end="", flush=True)

    def end_package(self, action, package, output):
        """Prints the package's own lines, without the word PASS."""
        if action == "fail" and not self.counts[package]:
            self.counts["fail"] += 1  # it did not build, or died outside a test
            self.print_unfinished(package)
        print("".join(line for line in output if line != "PASS\n"), end="", flush=True)

    def print_unfinished(self, package):
        """Prints what the tests of a package that died had said."""
        for key in [k for k in self.output if k[0] == package]:
            print("".join(self.output.pop(key)), end="")

    def closing(self):
        counts = self.counts
        return f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped"


def main():
    summary = Summary()
    with subprocess.Popen(["go", "test", "-json", *sys.argv[1:]], stdout=subprocess.PIPE, text=True) as run:
        for line in run.stdout:
            summary.line(line)
    print(summary.closing(), flush=True)
    sys.exit(run.returncode)


if __name__ == "__main__":
    main()
