import Testing

@testable import CLI

@Suite("What waits for an operator")
struct WaitingWorkTests {
    @Test("is read from the metrics of all processes: each service and kind above 0, sorted")
    func read() {
        let exposition = """
            # HELP martlet_waiting_for_operator What waits for an operator, by kind.
            # TYPE martlet_waiting_for_operator gauge
            martlet_waiting_for_operator{service="payments",kind="payment_disagreements"} 2
            martlet_waiting_for_operator{service="orders",kind="parked_keys"} 3
            martlet_waiting_for_operator{service="orders",kind="late_events"} 0
            martlet_waiting_for_operator{service="orders",kind="keys_with_gaps"} 1
            martlet_waiting_for_operator{service="orders",kind="broken"} NaN
            martlet_parked_keys{service="orders"} 3
            """
        #expect(
            WaitingWork.all(in: exposition) == [
                WaitingWork(service: "orders", kind: "keys_with_gaps", count: 1),
                WaitingWork(service: "orders", kind: "parked_keys", count: 3),
                WaitingWork(service: "payments", kind: "payment_disagreements", count: 2),
            ]
        )
    }

    @Test(
        "names the command that lists it, where one does",
        arguments: [
            ("parked_keys", "orders: 3 parked keys: `martlet events parked list`"),
            ("keys_with_gaps", "orders: 3 keys with gaps: `martlet events gaps list`"),
            ("late_events", "orders: 3 late events: `martlet events late list`"),
            ("lost_events", "orders: 3 lost events: `martlet events losses`"),
            ("running_resends", "orders: 3 running resends: `martlet resend list`"),
            ("workflow_runs", "orders: 3 workflow runs: `martlet workflows list --state needs_human`"),
            ("refused_keys", "orders: 3 refused keys"),
            ("payment_disagreements", "orders: 3 payment disagreements"),
        ]
    )
    func text(kind: String, expected: String) {
        #expect(WaitingWork(service: "orders", kind: kind, count: 3).text == expected)
    }
}
