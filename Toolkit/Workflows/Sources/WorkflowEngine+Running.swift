import Logging
import MartletCore
import MartletSQL
import Synchronization

extension WorkflowEngine {
    /// Claims and executes runs until the task is cancelled; then gives back what it holds.
    public func run() async throws {
        await voidForeignLeases()
        state.withLock { state in
            state.isAccepting = true
            state.lookSoon()
        }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.renewLeases() }
            while !Task.isCancelled {
                for run in state.withLock({ $0.begin() }) { group.addTask { await self.execute(run) } }
                for run in await claimDue() { group.addTask { await self.execute(run) } }
                activity.raise()
                await rest()
            }
            state.withLock { $0.isAccepting = false }
            group.cancelAll()
        }
        await releaseBirths()
    }

    /// Executes what is due, one run after another, until nothing is: for tests and tools, where no loop runs.
    ///
    /// - Returns: How many executions that took.
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

    /// Where one process owns the database, whoever else held a lease is dead, and what its clock put off while nobody watched it
    /// is due.
    func voidForeignLeases() async {
        let (owner, pauseMax) = (owner, limits.pauseMax)
        var failures = 0
        while !Task.isCancelled {
            do {
                guard try await database.bootEpoch() != 0 else { return }
                return try await database.transaction("workflow.boot") { (tx: borrowing SQLTransaction) in
                    try WorkflowClaims.voidLeases(butOf: owner, in: tx)
                    try WorkflowClaims.makeDue(waitingLongerThan: pauseMax, in: tx)
                }
            } catch {
                failures += 1
                Logger.current.warning(
                    "workflow engine cannot start, will retry",
                    error: error,
                    metadata: ["attempt": "\(failures)"]
                )
                // A cancelled wait ends the loop by its condition.
                try? await time.sleep(for: errorPause)
            }
        }
    }

    /// The due runs for which there is a place; none when it is not time to look.
    private func claimDue() async -> [ClaimedRun] {
        let now = time.now
        let (limit, keys, held) = state.withLock { state in (state.takeLook(at: now), state.keys, state.held) }
        guard limit > 0 else { return [] }
        guard !keys.isEmpty else { return [] }
        let (interrupted, counts) = state.withLock { ($0.interrupted(at: now), $0.isCountDue(at: now)) }
        let (owner, lease, expires) = (owner, limits.lease, !tools.pausesExpiry())
        let (pauseMax, waitingLimit) = (limits.pauseMax, counts ? limits.waitingLimit : nil)
        do {
            let found = try await database.transaction("workflow.claim") { (tx: borrowing SQLTransaction) in
                if !interrupted.isEmpty { try WorkflowClaims.letGo(interrupted, owner: owner, in: tx) }
                if !expires { try WorkflowClaims.makeDue(waitingLongerThan: pauseMax, in: tx) }
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
            state.withLock { state in
                state.claimable(interrupted)
                state.claimed(found.runs, of: limit, leaving: found.waiting, at: now)
                let untilNext = found.nextWake.map { $0 - found.date } ?? limits.pollPause
                state.look(at: now + min(untilNext, limits.pollPause))
            }
            return found.runs
        } catch {
            Logger.current.warning("claiming workflow runs failed, will retry", error: error)
            let now = time.now
            state.withLock { $0.look(at: now + errorPause) }
            return []
        }
    }

    private func rest() async {
        switch state.withLock({ $0.rest }) {
        case .none: return
        // A cancelled wait is over as well.
        case .untilRung: try? await bell.wait()
        case .until(let moment): try? await bell.wait(until: moment, time)
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
                try await database.transaction("workflow.renew") { (tx: borrowing SQLTransaction) in
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

    private func releaseBirths() async {
        let ids = state.withLock { $0.abandonBirths() }
        guard !ids.isEmpty else { return }
        let owner = owner
        do {
            try await database.transaction("workflow.release") { (tx: borrowing SQLTransaction) in
                try WorkflowClaims.release(ids, owner: owner, in: tx)
            }
        } catch {
            Logger.current.warning(
                "releasing workflow runs failed, their leases will end",
                error: error,
                metadata: ["runs": "\(ids.count)"]
            )
        }
    }

    var errorPause: Duration { min(limits.pauseMin * 8, limits.pauseMax) }
}
