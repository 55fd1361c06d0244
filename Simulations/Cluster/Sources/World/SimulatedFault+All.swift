public import MartletSimulation

extension Set where Element == SimulatedFault {
    /// Every fault that a ``SimulatedWorld`` injects.
    ///
    /// Not among them: outages of days and late requests, poison messages, handlers that end their process, versions
    /// side by side, early deadlines, stored failures and other effects. They need a workload that knows them. Nor
    /// restored and absent consumers, whose state must follow from events alone.
    public static var all: Set<SimulatedFault> {
        Set(SimulatedFault.allCases).subtracting([
            .outage, .lateRequest, .poisonedMessage, .handlerEndsProcess, .mixedVersions, .earlyDeadlines,
            .storedFailure, .otherEffect, .versionBreaks, .consumerRestored, .groupAway,
        ])
    }
}
