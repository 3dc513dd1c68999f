"""The diagnostics archive, read by a program that is not ours, and the places it is refused."""

import io
import zipfile

import wire_format as wire
from case import Case

STORED, DEFLATE, BZIP2, ZSTD, LZMA, XZ = range(1, 7)
TEST, LOGS, CONFIG, ALL = 4, 5, 6, 100


class Diagnostics(Case):
    def snapshot(self, compression, types):
        body = bytes([compression, len(types), *types])
        return self.client().read(wire.GET_SNAPSHOT, body)

    def archive(self, compression, types):
        return zipfile.ZipFile(io.BytesIO(self.snapshot(compression, types).payload()))

    def test_the_test_entry_is_found_by_every_method_that_python_reads(self):
        for compression in (STORED, DEFLATE, BZIP2, LZMA):
            with self.archive(compression, [TEST]) as archive:
                self.assertIsNone(archive.testzip())
                self.assertEqual(archive.namelist(), ["test.txt"])
                self.assertEqual(archive.read("test.txt").strip(), b"test")

    def test_newer_methods_are_named_in_the_directory(self):
        for compression, number in ((ZSTD, 93), (XZ, 95)):
            with self.archive(compression, [TEST]) as archive:
                self.assertEqual(archive.infolist()[0].compress_type, number)

    def test_all_is_everything_but_the_test_and_holds_no_secret(self):
        with self.archive(DEFLATE, [ALL]) as archive:
            self.assertEqual(archive.namelist(), [
                "filesystem_overview.txt", "process_list.txt", "resource_usage.txt",
                "server_logs.txt", "server_config.txt"])
            whole = {name: archive.read(name).decode() for name in archive.namelist()}
        self.assertIn("control/a/log.0", whole["filesystem_overview.txt"])
        self.assertIn("levriero", whole["process_list.txt"])
        self.assertIn("VmRSS", whole["resource_usage.txt"])
        self.assertIn("control.serving", whole["server_logs.txt"])
        self.assertIn("[tcp]", whole["server_config.txt"])
        for name, text in whole.items():
            self.assertNotIn("password = \"iggy\"", text, name)

    def test_nothing_asked_for_is_an_archive_without_entries(self):
        with self.archive(DEFLATE, []) as archive:
            self.assertEqual(archive.namelist(), [])

    def test_unknown_words_are_refused(self):
        for body in (b"", b"\x02", b"\x00\x01\x04", b"\x07\x01\x04", b"\x02\x01\x07",
                     b"\x02\x02\x64\x04", b"\x02\x02\x04"):
            self.assertEqual(self.client().read(wire.GET_SNAPSHOT, body).status, 3, body)

    def test_who_has_not_logged_in_gets_none(self):
        connection = self.connect()
        self.assertEqual(connection.read(wire.GET_SNAPSHOT, bytes([2, 1, 4])).status, 40)
