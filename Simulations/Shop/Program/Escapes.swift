import ShopSimulation

/// What left the simulation of many worlds, or came into it from outside: those worlds prove nothing.
struct Escapes {
    private(set) var jobs = 0
    private(set) var worlds = 0
    /// Worlds of which nobody could tell.
    private(set) var unwatched = 0

    mutating func add(_ verdict: Verdict) {
        let found = verdict.foreignJobs + max(0, verdict.escapedJobs)
        jobs += found
        if found > 0 { worlds += 1 }
        if verdict.escapedJobs < 0 { unwatched += 1 }
    }

    /// For people; empty when all is well.
    var lines: [String] {
        (jobs > 0
            ? ["ESCAPED \(jobs) jobs left or entered \(worlds) worlds, which then do not follow from their seeds"] : [])
            + (unwatched > 0
                ? ["UNWATCHED \(unwatched) worlds: this runtime does not tell what leaves a simulation"] : [])
    }
}
