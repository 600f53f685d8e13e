"""Documents: the bytes that are hashed, heads, fingerprints and fields (docs/protocol.md, 7)."""
import hashlib

from wire import GENESIS, NOBODY, must, raw, sint, sized, uint


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def runs_of(values, write):
    out, at = b"", 0
    while at < len(values):
        end = at + 1
        while end < len(values) and values[end] == values[at]:
            end += 1
        if end - at > 1:
            out += sint(end - at) + write(values[at])
        else:
            while end < len(values) and (end + 1 == len(values) or values[end] != values[end + 1]):
                end += 1
            out += sint(at - end) + b"".join(map(write, values[at:end]))
        at = end
    return out


def meta_and_bytes(value):
    if value is None or isinstance(value, bool):
        return {None: 0, False: 1, True: 2}[value], b""
    if isinstance(value, int):
        kind, data = 4, sint(value)
    elif isinstance(value, str):
        kind, data = 6, value.encode()
    else:
        kind, data = 7, bytes.fromhex(value["bytes"])
    return len(data) << 4 | kind, data


class Document:
    """A graph of changes: hashes, counters, heads, fields."""

    def __init__(self, doc):
        self.doc, self.known, self.heads, self.fields, self.deps = doc, {}, [], {}, {}
        self.number, names = GENESIS[doc["kind"]]
        self.sections = {name: n for n, name in enumerate(names, 1)}
        self.genesis = self.add(NOBODY, {"seq": 1, "time": 0, "after": [], "entries": [{"section": name} for name in names]})

    def add(self, actor, change):
        seq, after = change["seq"], [(dep["actor"], dep["seq"]) for dep in change["after"]]
        if seq > 1:
            after.append((actor, seq - 1))
        elif not after and actor != NOBODY:
            after.append((NOBODY, 1))
        deps = sorted({self.known[dep][0] for dep in after})
        first = 1 + max((self.known[dep][1] for dep in after), default=0)
        replaced = [op["actor"] for e in change["entries"] if "field" in e for op in e["field"]["replaces"]]
        others = [] if actor == NOBODY else sorted({raw(who) for who in replaced + [NOBODY]} - {raw(actor)})
        number = {raw(actor): 0, **{who: n for n, who in enumerate(others, 1)}}
        rows, preds = [], []
        for entry in change["entries"]:
            if "section" in entry:
                rows.append((None, entry["section"], None, 0))
            elif "fact" in entry:
                fact, made = entry["fact"], first + len(rows)
                place = (number[bytes(16)], self.sections[fact["section"]])
                rows.append((place, raw(fact["id"]).hex(), None, 0))
                rows += [((0, made), key, (fact["record"][key],), 0) for key in sorted(fact["record"])]
            else:
                field = entry["field"]
                place = (number[bytes(16)], self.sections[field["section"]])
                standing = self.fields.setdefault((field["section"], field["key"]), {})
                for op in field["replaces"]:
                    standing.pop((op["counter"], op["actor"]), None)
                standing[first + len(rows), actor] = field["value"]
                rows.append((place, field["key"], (field["value"],), len(field["replaces"])))
                preds += [(number[raw(op["actor"])], op["counter"]) for op in field["replaces"]]
        values = [meta_and_bytes(row[2][0]) if row[2] else (0, b"") for row in rows]
        counters = [counter for _, counter in preds]
        objects = [row[0] for row in rows if row[0]]
        columns = [
            (0x01, runs_of([who for who, _ in objects], uint)),
            (0x02, runs_of([counter for _, counter in objects], uint)),
            (0x15, runs_of([row[1] for row in rows], lambda key: sized(key.encode()))),
            (0x34, uint(len(rows))),
            (0x42, runs_of([1 if row[2] else 0 for row in rows], uint)),
            (0x56, runs_of([meta for meta, _ in values], uint)),
            (0x57, b"".join(data for _, data in values)),
            (0x70, runs_of([row[3] for row in rows], uint)),
            (0x71, runs_of([who for who, _ in preds], uint)),
            (0x73, runs_of([b - a for a, b in zip([0] + counters, counters)], sint)),
        ]
        columns = [(spec, data) for spec, data in columns if data]
        rest = uint(len(deps)) + b"".join(deps) + sized(raw(actor)) + uint(seq) + uint(first) + sint(change["time"]) + b"\0"
        rest += uint(len(others)) + b"".join(map(sized, others)) + uint(len(columns))
        rest += b"".join(uint(spec) + uint(len(data)) for spec, data in columns) + b"".join(data for _, data in columns)
        chunk = b"\1" + sized(rest)
        digest = sha(chunk)
        self.deps[digest] = deps
        self.known[actor, seq] = (digest, first + len(rows) - 1)
        self.heads = sorted([head for head in self.heads if head not in deps] + [digest])
        file = bytes.fromhex("856f4a83") + digest[:4] + chunk
        return {"seq": seq, "first_operation": first, "operations": len(rows), "deps": [dep.hex() for dep in deps],
                "chunk": file.hex(), "hash": digest.hex()}

    def add_run(self, run):
        built = [self.add(run["actor"], change) for change in run["changes"]]
        must(built[-1]["hash"] == run["last_hash"], "last hash")
        return built

    def fingerprint(self):
        return sha(b"towline heads 1", bytes([self.number]), raw(self.doc["id"]), *self.heads)[:8].hex()
