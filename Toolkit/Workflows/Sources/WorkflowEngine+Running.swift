import Logging
import MartletCore
import MartletSQL
import Synchronization

extension WorkflowEngine {
    /// Claims and executes runs until the task is cancelled; then releases the runs that it holds.
    package func run() async throws {
        await voidForeignLeases()
        state.withLock { state in
            state.isAccepting = true
            state.pollSoon()
        }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.renewLeases() }
            while !Task.isCancelled {
                let now = time.now
                for run in state.withLock({ $0.begin(at: now) }) { group.addTask { await self.execute(run) } }
                for run in await claimDue() { group.addTask { await self.execute(run) } }
                activity.raise()
                await waitForWork()
            }
            for signal in state.withLock({ $0.stopAccepting() }) { signal.raise() }
            group.cancelAll()
        }
        await releaseStartedHere()
    }

    /// Executes due runs one after another until none is due: for tests and tools, where no loop runs.
    ///
    /// - Returns: The number of executions.
    @discardableResult
    public func runUntilIdle() async throws -> Int {
        var executions = 0
        while true {
            wake()
            let runs = await claimDue()
            guard !runs.isEmpty else { return executions }
            for run in runs {
                await execute(run)
                executions += 1
            }
        }
    }

    /// Where one process owns the database, the leases of other owners are stale, and runs that a clock change
    /// delayed while no process ran are due.
    func voidForeignLeases() async {
        let (owner, retryDelayMax) = (owner, limits.retryDelayMax)
        var failures = 0
        while !Task.isCancelled {
            do {
                guard try await database.bootNumber() != 0 else { return }
                return try await database.transaction("workflow.boot", options: .locking) { tx in
                    try WorkflowClaims.voidLeases(exceptOf: owner, in: tx)
                    try WorkflowClaims.makeDue(waitingLongerThan: retryDelayMax, in: tx)
                }
            } catch {
                failures += 1
                Logger.current.warning(
                    "workflow engine cannot start, will retry",
                    error: error,
                    metadata: ["attempt": "\(failures)"]
                )
                // A cancelled wait ends the loop by its condition.
                try? await time.sleep(for: errorDelay)
            }
        }
    }

    /// The due runs for the free slots; none when no poll is due.
    private func claimDue() async -> [ClaimedRun] {
        let now = time.now
        let limit = state.withLock { $0.beginPoll(at: now) }
        // After each start and each end of a run; most find that no poll is due.
        guard limit > 0 else { return [] }
        let (keys, held) = state.withLock { ($0.keys, $0.held) }
        guard !keys.isEmpty else { return [] }
        let (interrupted, counts) = state.withLock { ($0.interrupted(at: now), $0.isCountDue(at: now)) }
        let (owner, lease, expires) = (owner, limits.lease, !tools.pausesExpiry())
        let (retryDelayMax, waitingLimit) = (limits.retryDelayMax, counts ? limits.waitingLimit : nil)
        do {
            let found = try await database.transaction("workflow.claim", options: .locking) {
                (tx: borrowing SQLTransaction) in
                if !interrupted.isEmpty { try WorkflowClaims.makeInterruptedDue(interrupted, owner: owner, in: tx) }
                if !expires { try WorkflowClaims.makeDue(waitingLongerThan: retryDelayMax, in: tx) }
                return try WorkflowClaims.claim(
                    keys,
                    held: held,
                    expires: expires,
                    owner: owner,
                    lease: lease,
                    limit: limit,
                    countingTo: waitingLimit,
                    in: tx
                )
            }
            let now = time.now
            // If half of the slots have runs now whose callee did not respond, requests that wait only have to be stored.
            admitWaiting { state in
                state.claimable(interrupted)
                state.claimed(found.runs, of: limit, leaving: found.waiting, at: now)
                let untilNext = found.nextWake.map { $0 - found.date } ?? limits.pollInterval
                state.poll(at: now + min(untilNext, limits.pollInterval))
            }
            return found.runs
        } catch {
            Logger.current.warning("claiming workflow runs failed, will retry", error: error)
            let now = time.now
            state.withLock { $0.poll(at: now + errorDelay) }
            return []
        }
    }

    private func waitForWork() async {
        switch state.withLock({ $0.wait }) {
        case .none: return
        // Cancellation ends the wait as well.
        case .untilSignalled: try? await wakeUp.wait()
        case .until(let moment): try? await wakeUp.wait(until: moment, time)
        }
    }

    private func renewLeases() async {
        while !Task.isCancelled {
            let held = state.withLock { $0.held }
            guard !held.isEmpty else {
                // A cancelled wait ends the loop by its condition.
                try? await activity.wait()
                continue
            }
            // A cancelled wait ends the loop by its condition.
            try? await time.sleep(for: limits.lease / 3)
            let still = state.withLock { $0.held }
            guard !Task.isCancelled, !still.isEmpty else { continue }
            let (owner, lease) = (owner, limits.lease)
            do {
                try await database.transaction("workflow.renew", options: .locking) { (tx: borrowing SQLTransaction) in
                    try WorkflowClaims.renew(still, owner: owner, lease: lease, in: tx)
                }
            } catch {
                Logger.current.warning(
                    "renewing workflow leases failed, will retry",
                    error: error,
                    metadata: ["runs": "\(still.count)"]
                )
            }
        }
    }

    private func releaseStartedHere() async {
        let ids = state.withLock { $0.abandonStartedHere() }
        guard !ids.isEmpty else { return }
        let owner = owner
        do {
            try await database.transaction("workflow.release", options: .locking) { (tx: borrowing SQLTransaction) in
                try WorkflowClaims.release(ids, owner: owner, in: tx)
            }
        } catch {
            Logger.current.warning(
                "releasing workflow runs failed, their leases will expire",
                error: error,
                metadata: ["runs": "\(ids.count)"]
            )
        }
    }

    var errorDelay: Duration { min(limits.retryDelayMin * 8, limits.retryDelayMax) }
}
