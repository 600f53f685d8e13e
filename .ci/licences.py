"""Reads `cargo metadata` and fails on a dependency whose licence is not on the list.

Advisories are not checked here: no advisory database can be reached from the build machines. Run
`cargo audit` where there is one.
"""
import json
import re
import sys

ALLOWED = {
    "MIT", "MIT-0", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-1-Clause", "BSD-2-Clause",
    "BSD-3-Clause", "ISC", "Zlib", "0BSD", "Unlicense", "CC0-1.0", "BSL-1.0", "Unicode-3.0",
    "CDLA-Permissive-2.0",
}
# Weak copyleft that binds only its own files, which we use unchanged; each with its reason.
EXCEPTIONS = {
    "uniffi": "MPL-2.0: the binding generator Mozilla maintains; docs/decisions/",
}


def allowed(expression: str) -> bool:
    expression = expression.replace("/", " OR ")
    if "(" not in expression:
        return any(
            all(part.strip() in ALLOWED for part in choice.split(" AND "))
            for choice in expression.split(" OR ")
        )
    # One level of brackets is all that crates use: replace each by a word that is known or not.
    inner = re.search(r"\(([^()]*)\)", expression)
    verdict = "MIT" if allowed(inner.group(1)) else "NOT-ALLOWED"
    return allowed(expression[: inner.start()] + verdict + expression[inner.end():])


def main() -> int:
    packages = json.load(sys.stdin)["packages"]
    bad = []
    for package in packages:
        if package["source"] is None:
            continue
        if not package["source"].startswith("registry+"):
            bad.append(f"{package['name']}: not from the registry ({package['source']})")
        licence = package["license"] or "none stated"
        excused = any(package["name"].startswith(name) for name in EXCEPTIONS)
        if not allowed(licence) and not (excused and "MPL-2.0" in licence):
            bad.append(f"{package['name']} {package['version']}: {licence}")
    for line in bad:
        print("licence:", line, file=sys.stderr)
    print(f"{len(packages)} packages, {len(bad)} with a licence that is not on the list")
    return 1 if bad else 0


sys.exit(main())
