"""One rescue from the call to its end, with the generated Python client."""
import os
import uuid

from towline_client import AuthenticatedClient, Client
from towline_client.api.jobs import assign_job, cancel_job, create_job, get_job, list_jobs, update_job
from towline_client.api.session import get_me, log_in
from towline_client.api.technicians import list_technicians
from towline_client.models import (
    Assign, Cancel, Created, ExceptionKind, JobChange, JobState, JobView, Login, NewJob, Place, ProblemBody,
)

url = os.environ["TOWLINE_URL"]
password = os.environ["TOWLINE_PASSWORD"]


def done(answer, kind):
    """The parsed answer, which must be of this kind."""
    assert isinstance(answer.parsed, kind), (answer.status_code, answer.content)
    return answer.parsed


login = Login(tenant="acme", login="dispatcher", password=password)
opened = log_in.sync_detailed(client=Client(base_url=url), body=login)
assert opened.status_code == 200, opened.content
desk = AuthenticatedClient(base_url=url, token=opened.parsed.token)
assert get_me.sync(client=desk).role == "dispatcher"

key = str(uuid.uuid4())
call = NewJob(problem="flat_tyre", address="Highway 5, km 12", place=Place(lat=25.033, lon=121.5654),
              caller="Ms Lin", phone="0912 345 678", plate="ABC-1234")
made = create_job.sync_detailed(client=desk, body=call, idempotency_key=key)
job = done(made, Created)
again = create_job.sync_detailed(client=desk, body=call, idempotency_key=key)
assert done(again, Created).id == job.id, "a repeat finds the first job"

technician = list_technicians.sync(client=desk).items[0]
assigned = done(assign_job.sync_detailed(job.id, client=desk, body=Assign(technician=technician.id)), JobView)
assert assigned.state == JobState.ASSIGNED and assigned.assignment.technician == technician.id

read = get_job.sync_detailed(job.id, client=desk)
tag = read.headers["etag"]
changed = update_job.sync_detailed(job.id, client=desk, body=JobChange(remarks="Bring a jack."), if_match=tag)
assert done(changed, JobView).intake.remarks == "Bring a jack."
stale = update_job.sync_detailed(job.id, client=desk, body=JobChange(caller=None), if_match=tag)
assert done(stale, ProblemBody).code == "changed_meanwhile"

ended = cancel_job.sync_detailed(job.id, client=desk, body=Cancel(reason="customer_cancelled", note="It starts."))
assert done(ended, JobView).state == JobState.CANCELLED
listed = list_jobs.sync(client=desk, state=[JobState.CANCELLED])
assert job.id in [row.id for row in listed.items]
assert ExceptionKind.GOA_CLAIMED == "goa_claimed"
print(f"Python: rescue {job.intake.number} done")
