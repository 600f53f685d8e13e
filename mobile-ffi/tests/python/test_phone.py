"""A technician's phone through the generated Python module, against a real server.

Run by `.ci/python`, which builds both and sets TOWLINE_BIN and PYTHONPATH. The server is started,
stopped while the phone works offline, and started again. TOWLINE_TEST_LOG=1 shows what it logs.
"""
import json
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import unittest
import urllib.request

from mobile_ffi import (
    CheckResult,
    CustomerSeen,
    CustomerSigner,
    MissingEvidence,
    Money,
    Part,
    PenPoint,
    PenStroke,
    PhoneError,
    PhoneListener,
    Problem,
    RescuePhone,
    RescueState,
    RescueStep,
    SecretVault,
    SignerRole,
    Spot,
    StepNote,
    SyncOutcome,
    minor_units,
)

TENANT = "acme"
PASSWORD = "correct horse battery"


class Server:
    """A real server on a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.bin = os.environ["TOWLINE_BIN"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"http://{self.address}"
        self.process = None
        self.token = None

    def admin(self, *words, stdin=None):
        command = [self.bin, "admin", *words, "--data", self.folder]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command}: {done.stderr}")
        return done.stdout

    def start(self):
        command = [self.bin, "serve", "--data", self.folder, "--listen", self.address]
        quiet = None if os.environ.get("TOWLINE_TEST_LOG") else subprocess.DEVNULL
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=quiet, text=True)
        for line in self.process.stdout:
            if "health" in line:
                return
        raise RuntimeError("the server did not start")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=60)
            self.process.stdout.close()
            self.process = None

    def call(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data)
        request.add_header("Content-Type", "application/json")
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
            request.add_header("Idempotency-Key", os.urandom(16).hex())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def log_in(self):
        account = {"tenant": TENANT, "login": "desk", "password": PASSWORD}
        self.token = self.call("/v1/session", account)["token"]


class Vault(SecretVault):
    """Keeps the secret in memory, as a Keychain keeps it out of the file."""

    def __init__(self):
        self.secret = None

    def load(self):
        return self.secret

    def keep(self, secret):
        self.secret = secret


class Listener(PhoneListener):
    def __init__(self):
        self.events = []

    def changed(self, event):
        self.events.append(event)


class PhoneTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="towline-python-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = Server(str(self.folder / "server"))
        self.addCleanup(self.server.stop)
        self.server.admin("tenant", "--slug", TENANT, "--name", "Acme Motors")
        person = ("user", "--tenant", TENANT, "--name", "Mei Lin", "--login")
        self.server.admin(*person, "desk", "--role", "administrator", "--password-stdin", stdin=PASSWORD)
        self.server.admin(*person, "lin", "--role", "technician")
        printed = self.server.admin("code", "--tenant", TENANT, "--login", "lin")
        self.code = re.search(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b", printed).group()
        self.server.start()
        self.server.log_in()
        self.vault = Vault()

    def open(self):
        return RescuePhone.open_with_vault(str(self.folder / "phone.db"), self.vault)

    def test_a_rescue_worked_without_coverage_reaches_the_desk(self):
        phone = self.open()
        self.assertTrue(phone.status().needs_enrolment)
        with self.assertRaises(PhoneError.NotEnrolled):
            phone.walk_up(CustomerSeen())
        with self.assertRaises(PhoneError.StoreInUse):
            self.open()

        enrolled = phone.enrol(self.server.url, self.code.lower(), "python phone")
        self.assertEqual(enrolled.user_name, "Mei Lin")
        pending = phone.sync_now()
        self.assertEqual((pending.end.is_failed(), pending.end.code), (True, "device_pending"))
        confirm = f"/v1/devices/{enrolled.device}/confirm"
        self.server.call(confirm, {"digits": enrolled.digits})

        call = {"caller": "Chen", "phone": "+886912345678", "plate": "ABC-1234",
                "problem": "flat_tyre", "address": "Provincial Highway 9, km 40"}
        job = self.server.call("/v1/jobs", call)["id"]
        self.server.call(f"/v1/jobs/{job}/assign", {"technician": enrolled.user})
        self.assertEqual(phone.sync_now().end, SyncOutcome.UP_TO_DATE())
        listed = [(it.id, it.state, it.problem) for it in phone.jobs()]
        self.assertEqual(listed, [(job, RescueState.ASSIGNED, Problem.FLAT_TYRE())])

        self.server.stop()
        listener = Listener()
        watch = phone.watch(listener)
        spot = Spot(latitude=24.93, longitude=121.71)
        for step in (RescueStep.ACCEPTED, RescueStep.EN_ROUTE, RescueStep.ON_SCENE, RescueStep.WORKING):
            phone.record_step(job, step, StepNote(spot=spot))
        with self.assertRaises(PhoneError.Invalid) as twice:
            phone.record_step(job, RescueStep.WORKING)
        self.assertEqual(twice.exception.code, "step_recorded")
        with self.assertRaises(PhoneError.Invalid) as bad_vin:
            phone.read_vin(job, "1M8\a")
        self.assertEqual(bad_vin.exception.field, "vin")
        phone.read_vin(job, "NZE121-3012345")
        said = phone.job(job).findings
        self.assertEqual([(it.field, it.reason) for it in said], [("observed.vin", "chassis_number")])
        missing = phone.job(job).missing
        self.assertIn(MissingEvidence.ODOMETER(), missing)
        for step in (it.step for it in missing if it.is_checklist()):
            phone.record_check(job, step, CheckResult.PASS)
        phone.read_odometer(job, 84210)
        phone.add_note(job, "備胎沒氣")
        phone.use_part(job, Part(part_no="VALVE-1", quantity=2000,
                                 unit_price=Money(amount=15000, currency="TWD")))
        totals = phone.job(job).totals
        self.assertEqual(totals, [Money(amount=30000, currency="TWD")])
        self.assertEqual(minor_units("TWD"), 2)
        signer = CustomerSigner(name="Chen", role=SignerRole.CUSTOMER(), language="en",
                                statement="The work was done and I accept the amounts shown.")
        sheet = phone.seal_sheet(job, signer)
        self.assertEqual(json.loads(sheet.text())["totals"],
                         [{"amount": 30000, "currency": "TWD", "minor_units": 2}])
        pen = [PenPoint(x=100 + 10 * n, y=200 + n * n, t=8 * n) for n in range(60)]
        phone.seal(sheet, [PenStroke(points=pen)], spot)
        phone.record_step(job, RescueStep.COMPLETED, StepNote(spot=spot))
        found = phone.walk_up(CustomerSeen(plate="XYZ-99", problem=Problem.OTHER(word="wasp_nest"), spot=spot))
        self.assertEqual(phone.job(found).job.problem, Problem.OTHER(word="wasp_nest"))
        self.assertTrue(all(event.status for event in listener.events))
        self.assertIn([found], [event.jobs for event in listener.events])
        watch.stop()

        away = phone.sync_now()
        self.assertEqual((away.end.is_failed(), away.end.code), (True, "offline"))
        self.assertGreater(away.again_in_ms, 0)
        waiting = phone.status().waiting
        self.assertGreaterEqual(waiting, 10)
        heard = len(listener.events)

        # The app is closed and opened again.
        del phone
        phone = self.open()
        self.assertEqual(phone.status().waiting, waiting)

        self.server.start()
        self.server.log_in()
        report = phone.sync_now()
        self.assertEqual((report.end, report.durable, report.refused), (SyncOutcome.UP_TO_DATE(), waiting, 0))
        self.assertEqual(phone.status().waiting, 0)
        self.assertEqual(phone.refused(), [])
        self.assertEqual(len(listener.events), heard, "a stopped watch hears nothing")
        self.assertTrue(all(seal.stands for seal in phone.seals(job)))

        seen = self.server.call(f"/v1/jobs/{job}")
        self.assertEqual((seen["state"], seen["observed"]["odometer"]), ("completed", 84210))
        self.assertIn("備胎沒氣", [note["text"] for note in seen["notes"]])
        self.assertEqual(self.server.call(f"/v1/jobs/{found}")["walk_up"], True)


if __name__ == "__main__":
    unittest.main()
