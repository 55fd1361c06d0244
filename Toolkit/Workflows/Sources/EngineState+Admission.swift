import MartletCore

/// How many runs may be started here.
///
/// By Little's law, runs end `completionTarget` after their start when as many are open as end within that time. Fewer
/// than there are slots would leave slots empty, whatever the rate.
extension EngineState {
    /// Runs that were started here and execute or wait for a slot, without those whose step waits for its callee.
    var open: Int { startedHere.count + active.progressing }

    /// How many may be open.
    mutating func openLimit(at now: Moment) -> Int {
        max(limits.concurrencyLimit, min(limits.waitingLimit, recentEnds.count(at: now)))
    }

    /// True while half of the slots wait for callees: then runs take long for another reason than load.
    var isStalled: Bool { 2 * active.stalled >= limits.concurrencyLimit }

    /// Whether one more request may start a run.
    private mutating func hasRoom(at now: Moment) -> Bool {
        if isAccepting, open + admission.admitted < openLimit(at: now) { return true }
        // Nothing ends soon, so these runs only have to be stored.
        return !canWait && waiting + admission.admitted < limits.waitingLimit
    }

    /// Whether room may appear soon.
    private var canWait: Bool { isAccepting && !isStalled }

    mutating func enter(_ caller: ExactText, at now: Moment) -> Admission.Entry {
        let hasRoom = hasRoom(at: now)
        return admission.enter(caller, hasRoom: hasRoom, mayWait: canWait)
    }

    /// Applies `change`, and admits the requests for which there is room then.
    ///
    /// - Returns: What to raise.
    mutating func admit(at now: Moment, after change: (inout EngineState) -> Void) -> [Signal] {
        change(&self)
        var signals: [Signal] = []
        while admission.waiting > 0, hasRoom(at: now), let next = admission.admitNext() { signals.append(next.signal) }
        return signals
    }

    /// Claims no more runs, and refuses the requests that wait.
    ///
    /// - Returns: What to raise.
    mutating func stopAccepting() -> [Signal] {
        isAccepting = false
        return admission.refuseWaiting().map(\.signal)
    }

    mutating func figures(at now: Moment) -> AdmissionFigures {
        AdmissionFigures(
            open: open + admission.admitted,
            limit: openLimit(at: now),
            waiting: admission.waiting,
            refused: admission.refused
        )
    }
}

/// How many runs one engine has started, and how many it may.
package struct AdmissionFigures: Sendable, Hashable {
    /// Admitted requests, and the runs started here that execute or wait for a slot; without those whose step waits
    /// for its callee.
    package let open: Int
    package let limit: Int
    /// Requests that wait for room.
    package let waiting: Int
    /// Requests refused so far.
    package let refused: Int
}
