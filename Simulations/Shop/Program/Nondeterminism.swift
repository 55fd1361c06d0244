import ShopSimulation

/// Jobs that left the simulations of many worlds, or entered them from outside: those worlds are not deterministic.
struct Nondeterminism {
    private(set) var jobs = 0
    private(set) var worlds = 0
    /// Worlds in which escaping jobs could not be counted.
    private(set) var unwatched = 0

    mutating func add(_ result: SimulationResult) {
        let found = result.foreignJobs + max(0, result.escapedJobs)
        jobs += found
        if found > 0 { worlds += 1 }
        if result.escapedJobs < 0 { unwatched += 1 }
    }

    /// Human-readable; empty when there are no such jobs.
    var lines: [String] {
        (jobs > 0
            ? ["ESCAPED \(jobs) jobs left or entered \(worlds) worlds, which then do not follow from their seeds"] : [])
            + (unwatched > 0
                ? ["UNWATCHED \(unwatched) worlds: this runtime does not report jobs that leave a simulation"] : [])
    }
}
