#!/usr/bin/env python3
"""Checks docs/vectors/ from what docs/protocol.md and docs/seals.md say, without our code.

Only the standard library. `python3 .ci/vectors`
"""
import base64, hmac, json, re, sys, uuid

sys.dont_write_bytecode = True

from ed25519 import public_of, signed
from graph import Document, sha
from seals import canonical, countersign_message, flat, line_tax, render, seal_message, strokes, statement_message
from wire import DOCS, GENESIS, Malformed, Reader, read_answer, read_request, read_run, raw, sized, uint, zigzag
from write import write_request, write_run

seen = set()


def vector(name):
    seen.add(name)
    return json.loads((DOCS / "vectors" / f"{name}.json").read_text("utf-8"))


def b64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def check(what, ours, theirs):
    if ours != theirs:
        raise SystemExit(f"{what}:\n  from the documents {ours!r}\n  vector             {theirs!r}")


def check_seal(job, fact, record, counter, server):
    check("digest", sha(record["shown"].encode()), flat(record, "digest"))
    shown = json.loads(record["shown"])
    check("job", shown["job"]["id"], job)
    check("signer", [shown["signer"][key] for key in ("name", "role")], [record["name"], record["role"]])
    message, signature = seal_message(job, fact, record), flat(record, "signature")
    check("seal", signed(flat(counter, "public_key"), message, signature), True)
    check("seal of the countersignature", flat(counter, "ref"), raw(fact))
    check("countersignature", signed(server, countersign_message(counter, message, signature), flat(counter, "signature")), True)


def main():
    v = vector("primitives")
    for name, write, read in (("uint", uint, Reader.uint), ("int", zigzag, Reader.int)):
        for it in v[name]:
            check(name, write(it["value"]).hex(), it["bytes"])
            check(name, read(Reader(bytes.fromhex(it["bytes"]))), it["value"])
    check("text", [sized(it["value"].encode()).hex() for it in v["text"]], [it["bytes"] for it in v["text"]])
    for bad in v["malformed_uint"]:
        try:
            Reader(bytes.fromhex(bad)).uint()
            raise SystemExit(f"{bad} is a number")
        except Malformed:
            pass

    v = vector("enrolment")
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    for it in v["typed_codes"]:
        symbols = re.sub(r"[-\s]", "", it["typed"]).upper().translate(str.maketrans("OIL", "011"))
        good = len(symbols) == 12 and all(symbol in alphabet for symbol in symbols)
        check(it["typed"], "-".join(re.findall("....", symbols)) if good else None, it["normal"])
    secret = sha(b"towline code 1", v["code"].encode())
    check("secret", secret.hex(), v["secret"])
    check("code name", sha(b"towline code name 1", secret).hex(), v["code_name"])
    public, phone, server = (bytes.fromhex(v[name]) for name in ("public_key", "phone_nonce", "server_nonce"))
    proof = b"towline enrol 2" + secret + public + phone
    check("public key", public_of(bytes.fromhex(v["private_key_seed"])), public)
    check("proof", proof.hex(), v["proof_message"])
    check("proof", signed(public, proof, bytes.fromhex(v["proof"])), True)
    number = int.from_bytes(sha(b"towline compare 2", secret, public, phone, server)[:8], "big")
    check("digits", f"{number % 1_000_000:06}", v["digits"])

    v = vector("assertion")
    header, claims, signature = v["assertion"].split(".")
    check("header", json.loads(b64url(header)), {"alg": "EdDSA", "typ": "JWT", "kid": v["device"]})
    check("header and claims", (v["header"], v["claims"]), (json.loads(b64url(header)), json.loads(b64url(claims))))
    now = v["now_s"]
    check("claims", v["claims"], {"iss": v["device"], "sub": v["device"], "aud": v["audience"], "iat": now,
          "nbf": now, "exp": now + 120, "jti": base64.urlsafe_b64encode(bytes.fromhex(v["jti_bytes"])).rstrip(b"=").decode()})
    check("grant", v["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer")
    check("assertion", signed(bytes.fromhex(v["public_key"]), f"{header}.{claims}".encode(), b64url(signature)), True)

    protocol = (DOCS / "protocol.md").read_text("utf-8")
    for it in vector("genesis")["kinds"]:
        document = Document({"kind": it["kind"], "id": it["example"]["id"]})
        check("kind", (document.number, list(document.sections)), (it["number"], it["sections"]))
        check("genesis", (document.genesis["hash"], document.genesis["chunk"]), (it["hash"], it["chunk"]))
        check("genesis in protocol.md", f"| {it['kind']} | `{it['hash']}` |" in protocol, True)
        check("fingerprint", document.fingerprint(), it["example"]["fingerprint"])

    v = vector("document")
    document = Document(v["doc"])
    for it in v["runs"]:
        r = Reader(bytes.fromhex(it["encoded"]))
        run = read_run(r, new_work=True)
        r.end()
        check("run", run, it["decoded"])
        check("run, written", write_run(run).hex(), it["encoded"])
        for ours, theirs in zip(document.add_run(run), it["changes"], strict=True):
            check("change", ours, theirs)
    check("heads", [head.hex() for head in document.heads], v["heads"])
    check("fingerprint", document.fingerprint(), v["fingerprint"])
    for it in v["fields"]:
        standing = sorted(document.fields[it["section"], it["key"]].items())
        check("field", standing, [((s["operation"]["counter"], s["operation"]["actor"]), s["value"]) for s in it["standing"]])

    v = vector("request")
    decoded, body = read_request(bytes.fromhex(v["frame"]))
    check("request", (decoded, body.hex()), (v["decoded"], v["body"]))
    check("request, written", write_request(decoded).hex(), v["body"])
    own = [run["signed"] for run in decoded["runs"] if "signed" in run]
    message = b"towline push 1\n" + raw(v["device"])
    message += b"".join(bytes([GENESIS[run["doc"]["kind"]][0]]) + raw(run["doc"]["id"]) + bytes.fromhex(run["last_hash"]) for run in own)
    check("push", message.hex(), v["signed_message"])
    check("push", signed(bytes.fromhex(v["public_key"]), message, bytes.fromhex(decoded["signature"])), True)
    check("inventory", decoded["inventory"][0], {"doc": document.doc, "fingerprint": document.fingerprint()})

    v = vector("response")
    decoded, body = read_answer(bytes.fromhex(v["frame"]))
    check("response", (decoded, body.hex()), (v["decoded"], v["body"]))
    whole = Document(decoded["whole"][0])
    for attested in decoded["runs"]:
        whole.add_run(attested["run"])
    van = Document({"kind": "van", "id": vector("request")["decoded"]["inventory"][1]["doc"]["id"]})
    total = sum(int(it.fingerprint(), 16) for it in (whole, van)) % 2**64
    check("digest", f"{total:016x}", decoded["digest"])

    v = vector("small-frames")
    for read, frames in ((read_request, v["requests"]), (read_answer, v["answers"])):
        for it in frames:
            decoded, body = read(bytes.fromhex(it["frame"]))
            check(it["description"], (decoded, body.hex()), (it["decoded"], it["body"]))
    for it in v["requests"]:
        check(it["description"], write_request(it["decoded"]).hex(), it["body"])
    for it in vector("refused-frames")["frames"]:
        try:
            read_request(bytes.fromhex(it["frame"]))
            raise SystemExit(f"taken, though: {it['why']}")
        except Malformed:
            pass

    v = vector("receipts")
    for it in v["runs"]:
        run, nobody = read_run(Reader(bytes.fromhex(it["encoded"]))), str(uuid.UUID(int=0))
        message = b"towline receipt 2\n" + raw(v["tenant"]) + bytes([GENESIS[run["doc"]["kind"]][0]]) + raw(run["doc"]["id"])
        message += raw(run["actor"]) + run["changes"][-1]["seq"].to_bytes(8, "big") + bytes.fromhex(run["last_hash"])
        message += sha(bytes.fromhex(it["encoded"])) + raw(it["user"] or nobody) + raw(it["device"] or nobody)
        check("receipt", hmac.digest(bytes.fromhex(v["secret"]), message, "sha256")[:16].hex(), it["receipt"])

    for it in vector("times")["stamps"]:
        at, up, srv, srv_up = (it[key] for key in ("at", "up", "srv", "srv_up"))
        if None not in (srv, srv_up, up) and up >= srv_up:
            time, uncertainty = srv + up - srv_up, 1000 + (up - srv_up) // 10000
        elif srv is not None:
            time, uncertainty = max(at, srv), abs(at - srv)
        else:
            time, uncertainty = at, None
        ours = (time, uncertainty, at - time, abs(at - time) > 300_000)
        check(it["what"], ours, (it["corrected"], it["uncertainty"], it["skew"], it["flagged"]))

    v = vector("seal")
    check("canonical text", canonical(v["shown"]), v["canonical"])
    check("strokes", strokes(bytes.fromhex(v["strokes_encoded"])), v["strokes"])
    counter, record = v["countersignature"], v["record"]
    check("record", (record["shown"], record["digest"]["bytes"]), (v["canonical"], v["digest"]))
    check("device's key", counter["record"]["public_key"]["bytes"], v["device_public_key"])
    check_seal(v["job"], v["seal"], record, counter["record"], bytes.fromhex(counter["server_public_key"]))

    v = vector("evidence-bundle")
    bundle = v["bundle"]
    document, facts, changes = Document({"kind": "job", "id": bundle["job"]}), {}, []
    for it in bundle["runs"]:
        r = Reader(base64.b64decode(it["run"]))
        run = read_run(r)
        r.end()
        check("job of a run", run["doc"], document.doc)
        document.add_run(run)
        changes += [(run["actor"], change) for change in run["changes"]]
        for entry in (entry["fact"] for change in run["changes"] for entry in change["entries"] if "fact" in entry):
            facts[entry["id"]] = entry["record"]
    statement, nobody = bundle["statement"], str(uuid.UUID(int=0))
    by_run = [(run, read_run(Reader(base64.b64decode(run["run"])))) for run in bundle["runs"]]
    made = sorted((raw(run["actor"]), change["seq"].to_bytes(8, "big"), raw(it["user"] or nobody), raw(it["device"] or nobody))
                  for it, run in by_run for change in run["changes"])
    heads, authors = b"".join(sorted(document.heads)), sha(b"".join(b"".join(it) for it in made))
    check("heads stated", base64.b64encode(heads).decode(), statement["heads"])
    check("authors stated", base64.b64encode(authors).decode(), statement["authors"])
    message = statement_message(bundle["job"], statement, heads, authors)
    check("statement", signed(bytes.fromhex(v["trusted"][statement["kid"]]), message, base64.b64decode(statement["signature"])), True)
    record = facts[bundle["seal"]]
    check("format", bundle["format"], "towline-evidence-1")
    check("shown", bundle["shown"], record["shown"])
    counters = [it for it in facts.values() if it.get("kind") == "countersigned" and flat(it, "ref") == raw(bundle["seal"])]
    check_seal(bundle["job"], bundle["seal"], record, counters[0], bytes.fromhex(v["trusted"][counters[0]["kid"]]))
    # As it was at the heads it names: these and everything they follow.
    heads, past = flat(record, "heads"), set()
    ahead = [heads[at : at + 32] for at in range(0, len(heads), 32)]
    while ahead:
        past.add(head := ahead.pop())
        ahead += document.deps[head]
    then = [(actor, change) for actor, change in changes if document.known[actor, change["seq"]][0] in past]
    signer, said = json.loads(record["shown"])["signer"], v["evidence"]
    check("rendering", render(document.doc, then, signer), record["shown"])
    check("evidence", {"rendering_matches": True, "job": bundle["job"], "seal": bundle["seal"], **signer, "kid": counters[0]["kid"],
                       "received_at": counters[0]["at"], "changes": len(changes), "device": str(uuid.UUID(bytes=flat(record, "device"))),
                       "points": sum(map(len, strokes(flat(record, "strokes")))), "signed_at": record["srv"] + record["up"] - record["srv_up"],
                       "uncertainty": 1000 + (record["up"] - record["srv_up"]) // 10000, "places_changed": 1,
                       "completeness": {"state": "proven", "at": statement["at"], "kid": statement["kid"]}},
          {key: said[key] for key in said if key != "changed_since_signed"})
    now = json.loads(render(document.doc, changes, signer))
    plates = [json.loads(record["shown"])["job"]["plate"], now["job"]["plate"]]
    check("changed since", said["changed_since_signed"], [{"what": "job.plate", "signed": plates[0], "now": plates[1]}])

    v = vector("money")
    for line in v["tax"]:
        check("tax", line_tax(line["amount"], line["tax_millipercent"], line["mode"]), line["tax"])
    changes = [(run["actor"], change) for run in v["runs"] for change in run["changes"]]
    check("sheet", render(v["runs"][0]["doc"], changes, v["signer"]), v["canonical"])

    files = {path.stem for path in (DOCS / "vectors").glob("*.json")}
    check("files", seen, files)
    print(f"{len(files)} vectors hold by the documents alone")


main()
