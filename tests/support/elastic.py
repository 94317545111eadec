"""A real Elasticsearch for tests, by scripts/elasticsearch."""
import os
import pathlib
import socket
import subprocess

import elasticsearch

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = TOP / "scripts" / "elasticsearch"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Elastic:
    """A node in a folder; it may be stopped and started again, with what it held."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = free_port()
        self.url = "http://127.0.0.1:%d" % self.port
        self.client = elasticsearch.Elasticsearch([self.url], timeout=60)

    def start(self):
        subprocess.run([str(SCRIPT), "start", str(self.folder), str(self.port)], check=True, timeout=600,
                       env=dict(os.environ, ELASTICSEARCH_HEAP=os.environ.get("ELASTICSEARCH_HEAP", "512m")))
        return self

    def stop(self):
        subprocess.run([str(SCRIPT), "stop", str(self.folder)], check=True, timeout=60)

    def clear(self):
        """Forgets everything but the templates."""
        self.client.indices.delete(index="logs-civicshield.*,civicshield-dead-letter",
                                   ignore_unavailable=True, allow_no_indices=True, expand_wildcards="all")

    def documents(self, index="logs-civicshield"):
        """{id: document} of all documents; nothing if there is no such index."""
        if not self.client.indices.exists(index=index):
            return {}
        self.client.indices.refresh(index=index)
        found, after = {}, None
        while True:
            if after is None:
                page = self.client.search(index=index, size=1000, sort=["_doc"], scroll="1m")
            else:
                page = self.client.scroll(scroll_id=after, scroll="1m")
            after = page["_scroll_id"]
            if not page["hits"]["hits"]:
                self.client.clear_scroll(scroll_id=after)
                return found
            for hit in page["hits"]["hits"]:
                assert hit["_id"] not in found, "one id in two indices: " + hit["_id"]
                found[hit["_id"]] = dict(hit["_source"], _index=hit["_index"])
