"""The vectors of docs/wire-vectors.json, as wire.py, and so worker.py, reads and writes them. tests/integration/aws_wire_vectors_test.cpp
does the same with fanfold's own code."""
import base64
import json
import pathlib
import unittest

import wire
from boto3.dynamodb.types import TypeDeserializer

VECTORS = json.loads((pathlib.Path(__file__).parents[2] / "docs" / "wire-vectors.json").read_text(encoding="utf-8"))


def item_of(vector):
    """An item as boto3's tables answer it."""
    def raw(value):
        kind, inside = next(iter(value.items()))
        return {kind: base64.b64decode(inside)} if kind == "B" else value
    return {name: TypeDeserializer().deserialize(raw(value)) for name, value in vector["item"].items()}


class WireVectors(unittest.TestCase):
    def each(self, vectors):
        self.assertTrue(vectors)
        for vector in vectors:
            with self.subTest(vector=vector):
                yield vector

    def test_messages_are_written_and_read(self):
        for vector in self.each(VECTORS["messages"]):
            self.assertEqual(wire.read_message(vector["text"]), vector["members"])
            self.assertEqual(wire.write_message(vector["members"]), vector["text"])
        for text in self.each(VECTORS["foreign"]):
            self.assertIsNone(wire.read_message(text))
        with self.assertRaises(NotImplementedError):
            wire.read_message(VECTORS["newer"])

    def test_keys_are_made(self):
        keys = VECTORS["keys"]
        for vector in self.each(keys["record"]):
            self.assertEqual(wire.record_key(vector["id"]), {"pKey": vector["pKey"], "rKey": vector["rKey"]})
        for vector in self.each(keys["node"]):
            made = wire.node_key(vector["cluster"], vector["round"], vector["level"], vector["number"])
            self.assertEqual(made, {"pKey": vector["pKey"], "rKey": vector["rKey"]})
        for vector in self.each(keys["data"]):
            made = wire.data_key("leaf", vector["kind"], vector["slot"], vector["attempt"], int(vector["token"], 16))
            self.assertEqual(made, {"pKey": "leaf", "rKey": vector["rKey"]})
        for vector in self.each(keys["payload"]):
            self.assertEqual(wire.payload_name(vector["cluster"], vector["index"]), vector["name"])

    def test_cells_are_written_and_read(self):
        for vector in self.each(VECTORS["cells"]):
            cell = wire.Cell(vector["state"], vector["attempts"], vector["milliseconds"], int(vector["token"], 16))
            self.assertEqual(wire.pack_cell(cell).hex(), vector["hex"])
            self.assertEqual(wire.unpack_cell(bytes.fromhex(vector["hex"])), cell)

    def test_leaves_and_nodes_say_whether_they_are_full(self):
        for vector in self.each(VECTORS["leaves"]):
            leaf = item_of(vector)
            cells = [leaf.get(f"t{slot}") for slot in range(int(leaf.get("size", 32)))]
            ended = [cell is not None and wire.unpack_cell(cell).ended for cell in cells]
            self.assertEqual(all(ended), vector["full"])
            self.assertEqual(sum(cell is not None and wire.unpack_cell(cell).state == wire.FAILED for cell in cells), vector["failed"])
        for vector in self.each(VECTORS["nodes"]):
            node = item_of(vector)
            counts = [node.get(f"c{child}") for child in range(int(node.get("size", 32)))]
            self.assertEqual(None not in counts, vector["full"])
            self.assertEqual(sum(counts), vector["failed"])

    def test_headers_are_listed_where_they_belong(self):
        for vector in self.each(VECTORS["headers"]):
            header = item_of(vector)
            cluster = header["pKey"].removeprefix("SQSMessage$")
            is_open = header["status"] == "IN PROGRESS" or not header.get("finishDone") or not header.get("parentEnded")
            self.assertEqual(header["listed"], f"{'u' if is_open else 'f'}{wire.shard(cluster)}")
            self.assertEqual(header["age"], f"{wire.milliseconds(header['startedAt']):014}#{cluster}")
            self.assertEqual(header["ttl"], -(-wire.milliseconds(header["expiresAt"]) // 1000))
            self.assertEqual(wire.iso(wire.milliseconds(header["updatedAt"])), header["updatedAt"])

    def test_pointers_are_written_and_read(self):
        for vector in self.each(VECTORS["pointers"]):
            self.assertEqual(wire.read_pointer(vector["text"]), (vector["bucket"], vector["key"]))
            if vector["written"]:
                self.assertEqual(wire.write_pointer(vector["bucket"], vector["key"]), vector["text"])
        for text in self.each(VECTORS["foreign"]):
            self.assertIsNone(wire.read_pointer(text))

    def test_write_ids_of_globals_are_joined_and_split(self):
        vector = VECTORS["globals"]
        self.assertEqual(wire.join_write_ids(vector["ids"]), vector["text"])
        self.assertEqual(wire.split_write_ids(vector["text"]), vector["ids"])

    def test_growing_numbers_are_packed(self):
        for vector in self.each(VECTORS["numbers"]):
            self.assertEqual(wire.pack_numbers(vector["numbers"]).hex(), vector["hex"])
            self.assertEqual(wire.unpack_numbers(bytes.fromhex(vector["hex"])), vector["numbers"])

    def test_digests_are_made(self):
        for vector in self.each(VECTORS["digests"]):
            self.assertEqual(wire.digest(vector["text"].encode()), vector["digest"])


if __name__ == "__main__":
    unittest.main()
