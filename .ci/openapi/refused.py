"""Every operation that needs credentials refuses a request without any, and one with wrong ones.

Wrong secrets are throttled by address, so each operation is asked from an address of its own.
"""
import http.client
import json
import os
import re
import sys
from urllib.parse import urlsplit

ID = "0190b1c0-0000-7000-8000-000000000001"
document = json.load(open(sys.argv[1], encoding="utf-8"))
server = urlsplit(os.environ["TOWLINE_URL"])
wrong = []
asked = 0
for path, item in document["paths"].items():
    for method, operation in item.items():
        if method not in {"get", "put", "post", "patch", "delete"}:
            continue
        if operation.get("security", document.get("security")) in ([], [{}], None):
            continue
        if operation["operationId"] in {"get_metrics", "open_sync_socket"}:
            continue
        for headers in ({}, {"authorization": "Bearer wrong"}, {"cookie": "towline_session=wrong"}):
            asked += 1
            source = f"127.{1 + asked // 60_000}.{asked // 250 % 250}.{1 + asked % 250}"
            connection = http.client.HTTPConnection(server.hostname, server.port, timeout=30,
                                                    source_address=(source, 0))
            place = re.sub(r"\{[^}]*\}", ID, path)
            connection.request(method.upper(), place, None if method == "get" else "{}",
                               {"content-type": "application/json", "idempotency-key": ID, **headers})
            status = connection.getresponse().status
            connection.close()
            if status not in {401, 403}:
                wrong.append(f"{method.upper()} {path} with {headers or 'nothing'}: {status}")
print(f"{asked} requests without credentials, or with wrong ones")
if wrong:
    sys.exit("\n".join(wrong))
