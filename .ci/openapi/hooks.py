"""What schemathesis cannot know of the API from its schemas."""
import schemathesis


@schemathesis.hook
def before_call(context, case, kwargs):
    """A cursor is only ever one that the same list gave, a day is one of the calendar, and the person is
    the caller."""
    if case.meta is None or case.meta.generation.mode.is_positive:
        for name in ("cursor", "day"):
            (case.query or {}).pop(name, None)
        for name in [name for name in case.headers or {} if name.lower() == "towline-person"]:
            del case.headers[name]
