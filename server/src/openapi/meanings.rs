//! What the words of each enumeration mean, for clients. A test holds the list complete.

/// An enumeration, and each of its words with its meaning.
type Enumeration = (&'static str, &'static [(&'static str, &'static str)]);

/// Every enumeration of the document but the codes of problems, which bring their own sentences.
pub const MEANINGS: &[Enumeration] = &[
    (
        "AsSaid",
        &[("place", "The place is meant, though it is at 0/0, in whole degrees or off the roads.")],
    ),
    (
        "AssignmentKind",
        &[
            ("offer", "Asked; it may be declined, and it expires."),
            ("assign", "Given."),
            ("recall", "Taken back."),
        ],
    ),
    (
        "BranchKind",
        &[
            ("owned", "The group's own store."),
            ("franchised", "A franchisee's store, under the group's standards."),
            ("provider", "An outside company's store, with its own technicians."),
        ],
    ),
    (
        "DeviceState",
        &[
            ("pending", "Enrolled; its digits have not been compared."),
            ("active", "It may log in."),
            ("revoked", "It may do nothing but submit what it holds."),
        ],
    ),
    (
        "Duty",
        &[
            ("on_shift", "In a shift."),
            ("absent", "In an absence."),
            ("off_shift", "Outside their shifts."),
            ("unknown", "They have no shift at all, so nobody knows."),
        ],
    ),
    (
        "ProposedChange",
        &[
            ("new", "Nobody has the job, and a technician should."),
            ("moves", "Another technician should have it."),
            ("keeps", "It stays with its technician."),
            ("offered", "It is offered to a technician, who has not answered yet."),
            ("stays_open", "Nobody is left for it."),
        ],
    ),
    (
        "ExceptionKind",
        &[
            (
                "cancelled_with_field_work",
                "The office cancelled while a technician worked without coverage.",
            ),
            (
                "superseded_completed",
                "A former technician completed the job, and the next one had set off.",
            ),
            ("goa_claimed", "The technician reports that nobody was there."),
            ("unsuccessful_claimed", "The technician reports that they could not help."),
            (
                "concurrent_assignment",
                "Two dispatchers assigned the job without seeing each other.",
            ),
            ("field_conflict", "Two people set one field without seeing each other."),
            (
                "clock_skew",
                "A phone's clock was more than five minutes off, or a time it claims cannot be.",
            ),
            ("checklist_incomplete", "Completed without something that the checklist asks for."),
            ("signature_missing", "Completed without a signature or a reason why there is none."),
            ("changed_since_signed", "What the customer signed was changed afterwards."),
            (
                "other_currency",
                "A part or charge is in another currency than the job, and is not billed.",
            ),
            ("possible_duplicate", "Another job may be the same rescue, and both would be paid."),
        ],
    ),
    (
        "LikenessReason",
        &[
            ("plate", "The same licence plate within a day and 3 km."),
            ("vin", "The same VIN, likewise."),
            ("phone", "The same phone number, likewise."),
            ("place_and_time", "Within 300 m and 30 minutes."),
        ],
    ),
    (
        "TaxMode",
        &[("inclusive", "Prices contain their tax."), ("exclusive", "Tax is added to prices.")],
    ),
    (
        "AssignmentMode",
        &[("offer", "Asked; it may be declined, and it expires."), ("assign", "Given.")],
    ),
    (
        "ImportKind",
        &[
            ("technicians", "Technicians, found again by their login."),
            ("vans", "Vans, found again by their plate, or by their name where there is none."),
            ("parts", "The catalogue, found again by part number."),
            ("users", "People, found again by their login."),
        ],
    ),
    (
        "ImportRowStatus",
        &[
            ("created", "Something new was made."),
            ("updated", "What was there was changed."),
            ("unchanged", "It is there as the row says."),
            ("refused", "It was not taken; `issues` say why."),
            ("not_reached", "Time ran out before it; send the file again."),
        ],
    ),
    (
        "EnteredStep",
        &[
            ("accepted", "They take the job."),
            ("declined", "They do not take the job."),
            ("en_route", "They set off."),
            ("on_scene", "They arrived."),
            ("diagnosed", "They know what is wrong."),
            ("working", "They began to work."),
            ("in_tow", "The vehicle is loaded and on its way."),
            ("at_destination", "The vehicle is where it was to go."),
            ("completed", "The work is done."),
            ("goa", "Nobody was there; the office decides."),
            ("unsuccessful", "It could not be done; the office decides."),
        ],
    ),
    (
        "FindingCode",
        &[
            ("unverified", "A value that no rule knows is kept as it was said."),
            ("branch_inactive", "The branch takes no new jobs, and this one came in all the same."),
            (
                "part_unassigned",
                "A part is said to come from a van that its technician never drove.",
            ),
            (
                "stock_lines_full",
                "A van has more lines of stock than its next record has room for.",
            ),
            (
                "late_count",
                "A count came after its driver's time in the van, or after the van's record was closed, and sets nothing.",
            ),
        ],
    ),
    (
        "JobState",
        &[
            ("received", "Taken in; nobody was asked yet."),
            ("offered", "A technician or provider was asked and has not answered."),
            ("assigned", "Given to a technician or provider."),
            ("accepted", "They take it."),
            ("en_route", "They set off."),
            ("on_scene", "They arrived."),
            ("working", "They work."),
            ("in_tow", "The vehicle is being towed."),
            ("at_destination", "The vehicle is where it was to go."),
            ("completed", "The work is done."),
            ("goa", "Gone on arrival: nobody was there, as the office confirmed."),
            ("unsuccessful", "It could not be done, as the office confirmed."),
            ("cancelled", "Called off."),
            ("closed", "Done, evidence complete, and taken by the dealership system."),
        ],
    ),
    (
        "LinkKind",
        &[("invite", "For someone who never had a password."), ("reset", "For another password.")],
    ),
    (
        "MovementKind",
        &[
            ("load", "Into the van."),
            ("unload", "Out of the van, back to the branch."),
            ("transfer", "From one bin to another."),
        ],
    ),
    (
        "Priority",
        &[
            ("low", "It can wait."),
            ("normal", "In its turn."),
            ("high", "Before others."),
            ("urgent", "At once: people are in danger."),
        ],
    ),
    (
        "Role",
        &[
            ("technician", "Works on rescues, with a phone."),
            ("dispatcher", "Takes calls, assigns, decides exceptions."),
            ("manager", "All a dispatcher may, and stock and prices."),
            ("administrator", "All a manager may, and branches, users and devices."),
        ],
    ),
    (
        "Scope",
        &[
            ("jobs:read", "Read jobs."),
            ("jobs:write", "Take in, change, assign, end and decide jobs, as a dispatcher."),
            ("masters:read", "Read branches, technicians, vans and parts."),
            (
                "masters:write",
                "Write branches, technicians' records, vans with their stock, and parts.",
            ),
            ("positions:read", "Read where technicians are."),
            ("audit:read", "Read the audit list."),
            ("users:read", "Read people's accounts."),
            ("users:write", "Add and change people, but for administrators."),
        ],
    ),
    (
        "Step",
        &[
            ("walk_up", "A technician found a customer at the roadside and opened the job."),
            ("accepted", "The technician takes the job."),
            ("declined", "The technician does not take the job."),
            ("en_route", "The technician set off."),
            ("on_scene", "The technician arrived."),
            ("diagnosed", "The technician knows what is wrong."),
            ("working", "The technician began to work."),
            ("in_tow", "The vehicle is loaded and on its way."),
            ("at_destination", "The vehicle is where it was to go."),
            ("completed", "The work is done."),
            ("goa", "The technician found nobody and asks the office to decide."),
            ("unsuccessful", "The technician could not help; the office confirms."),
            ("cancelled", "The office or the customer called the job off."),
            ("reopened", "The office took a cancellation or an ending back."),
        ],
    ),
    (
        "SubmissionState",
        &[
            ("waiting", "Nobody has decided, or some of it cannot be checked yet."),
            ("accepted", "It was accepted."),
            ("partly_accepted", "Someone accepted it, and a rule refused some or all of it."),
            ("discarded", "It is kept, and counts for nothing."),
        ],
    ),
];
