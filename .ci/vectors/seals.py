"""Seals: what is shown, what is signed, strokes (docs/seals.md)."""
import json, uuid, zlib

from graph import Document, sha
from wire import Reader, must, raw


def flat(data, key):
    return bytes.fromhex(data[key]["bytes"])


def seal_message(job, fact, record):
    message = b"towline seal 1\n" + raw(job) + raw(fact)
    message += b"".join(sha(flat(record, key)) for key in ("device", "digest", "heads", "strokes"))
    for key in ("lat", "lon", "accuracy", "at", "up", "srv", "srv_up"):
        message += bytes([key in record]) + record.get(key, 0).to_bytes(8, "big", signed=True)
    return message


def countersign_message(record, message, signature):
    return (b"towline countersign 1\n" + flat(record, "tenant") + sha(message) + signature
            + flat(record, "public_key") + record["at"].to_bytes(8, "big", signed=True))


def strokes(data):
    must(data[0] in (1, 2), "form")
    r = Reader(data[1:] if data[0] == 1 else zlib.decompress(data[1:], -15))
    out, x, y, t, p, dt = [], 0, 0, 0, 0, 0
    for _ in range(r.uint()):
        stroke, dx, dy = [], 0, 0
        for _ in range(r.uint()):
            dx, dy, dt, p = dx + r.int(), dy + r.int(), dt + r.int(), p + r.int()
            x, y, t = x + dx, y + dy, t + dt
            stroke.append({"x": x, "y": y, "t": t, "pressure": p})
        out.append(stroke)
    r.end()
    return out


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def tax(amount, rate):
    """Tax contained in an amount at a rate in hundredths of a percent, rounded half up."""
    return (2 * amount * rate + 10000 + rate) // (2 * (10000 + rate))


def away(number, by):
    """A quotient rounded half away from zero."""
    return (2 * abs(number) + by) // (2 * by) * (1 if number >= 0 else -1)


def line_tax(amount, millipercent, mode):
    """Tax of a line at a rate in thousandths of a percent."""
    return away(amount * millipercent, 100000 + (millipercent if mode == "inclusive" else 0))


# How many decimals the minor unit has, where it is not two (ISO 4217).
DECIMALS = dict.fromkeys("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF".split(), 0)
DECIMALS |= dict.fromkeys("BHD IQD JOD KWD LYD OMR TND".split(), 3)


def statement_message(job, statement, heads, authors):
    return (b"towline export 1\n" + raw(statement["tenant"]) + raw(job) + sha(heads) + sha(authors)
            + statement["at"].to_bytes(8, "big", signed=True))


def render(doc, changes, signer):
    """What is shown of a job with these changes of one technician."""
    document, facts = Document(doc), {}
    for actor, change in changes:
        document.add(actor, change)
        for fact in (entry["fact"] for entry in change["entries"] if "fact" in entry):
            facts.setdefault(fact["section"], {})[fact["id"]] = fact["record"]

    def field(section, key):
        standing = document.fields.get((section, key))
        return max(standing.items())[1] if standing else None

    mode = field("promise", "tax_mode")
    if not mode and any("tax_millipercent" in it for name in ("parts", "charges") for it in facts.get(name, {}).values()):
        mode = "inclusive"

    def billed(record):
        """Whether a line is in the job's currency; no vector has a decision about others."""
        job = field("promise", "currency")
        return not mode or not job or record.get("currency", job) == job

    def lines(section):
        """Id of the first fact, id of the one that stands, and its record."""
        all_of = facts.get(section, {})
        link = lambda fact, key: str(uuid.UUID(bytes=flat(all_of[fact], key))) if key in all_of[fact] else None
        voided, replaced = ({link(fact, key) for fact in all_of} for key in ("voids", "corrects"))
        for fact in sorted(all_of):
            if fact not in replaced and "voids" not in all_of[fact]:
                root = fact
                while root and root not in voided and (before := link(root, "corrects")):
                    root = before
                if root not in voided:
                    yield root, fact, all_of[fact]

    cut = lambda text: text if text is None or len(text) <= 200 else f"{text[:200]}… +{len(text) - 200}"

    def line(section, root, record):
        quantity = record.get("quantity", 1000)
        thousandths = quantity * record.get("unit_price", 0)
        amount = record.get("amount", away(thousandths, 1000) if mode else (thousandths + 500) // 1000)
        out = {"id": root, "description": cut(record.get("description")), "amount": amount}
        out["currency"] = record.get("currency") or field("promise", "currency") or "XXX"
        out["unit_price"] = record.get("unit_price")
        if mode:
            rate = record.get("tax_millipercent", record["tax_rate"] * 10 if "tax_rate" in record else None)
            out.update(tax_millipercent=rate, tax=None if rate is None else line_tax(amount, rate, mode))
        elif "tax_rate" in record:
            out["tax_rate"] = record["tax_rate"]
            out["tax"] = tax(amount, out["tax_rate"])
        if section == "parts":
            out.update(part_no=record.get("part_no"), quantity=quantity, unit=record.get("unit"), serial=record.get("serial"))
        else:
            out.update(part_no=record.get("kind"), quantity=record.get("quantity"))
        for key in ("part_no", "unit", "serial") if mode else ():
            out[key] = cut(out.get(key))
        return present(out)

    def work(fact, record):
        texts = (record.get(key) for key in ("text", "vin", "plate", "value", "note"))
        numbers = (record.get(key) for key in ("value", "odometer"))
        first = lambda kind, values: next((it for it in values if isinstance(it, kind)), None)
        return present({"id": fact, "kind": record.get("kind"), "text": cut(first(str, texts)), "value": first(int, numbers)})

    def read(key):
        return [record[key] for _, _, record in lines("work") if key in record][-1:] or [field("intake", key)]

    present = lambda line: {key: value for key, value in line.items() if value is not None}
    parts, charges = ([line(it, root, record) for root, _, record in sorted(lines(it), key=lambda l: l[0]) if billed(record)] for it in ("parts", "charges"))
    totals = {}
    for it in parts + charges:
        total = totals.setdefault(it["currency"], {"currency": it["currency"], "amount": 0})
        total["amount"] += it["amount"]
        if "tax" in it:
            total["tax"] = total.get("tax", 0) + it["tax"]
    for total in totals.values():
        if "tax" in total:
            total["without_tax"] = total["amount"] - (0 if mode == "exclusive" else total["tax"])
            total["amount"] = total["without_tax"] + total["tax"]
        if mode:
            total["minor_units"] = DECIMALS.get(total["currency"], 2)
    job = {"id": doc["id"], "number": field("intake", "number"), "plate": read("plate")[0], "vin": read("vin")[0], "problem": field("intake", "problem")}
    found = [work(fact, record) for _, fact, record in lines("work")]
    more = {"more_work": len(found) - 16} if len(found) > 16 else {}
    more |= {"tax_mode": mode} if mode else {}
    return canonical({"version": 3 if mode else 2, "job": present(job), "work": found[:16], **more, "parts": parts,
                      "charges": charges, "totals": [totals[it] for it in sorted(totals)], "signer": signer})
