import MartletCore
import MartletTesting
import Testing

@testable import MartletOutbox

/// Relays on one database that follow their decisions: every process decides when it must, or later.
private struct RelayHistory {
    struct Process {
        let boot: Int
        /// When it decides again.
        var next: Timestamp
        /// What it believes to hold, and until when.
        var leases: [Int: Timestamp] = [:]
        /// Until when it does nothing, as a process that is stopped.
        var pausedUntil: Timestamp
    }

    let limits = OutboxRelay.Limits()
    var now = Timestamp(seconds: 1_000)
    var relays: [ExactText: (boot: Int, row: RelayShares.Relay)] = [:]
    var holdings: [Int: RelayShares.Holding] = [:]
    var processes: [ExactText: Process] = [:]
    private(set) var faults: [String] = []

    mutating func start(_ instance: ExactText) {
        let boot = (relays[instance]?.boot ?? 0) + 1
        relays[instance] = (boot, RelayShares.Relay(instance: instance, since: now, leaseEnd: now))
        for (partition, holding) in holdings where holding.instance == instance { holdings[partition]?.isOffer = false }
        processes[instance] = Process(boot: boot, next: now, pausedUntil: now)
    }

    mutating func kill(_ instance: ExactText) { processes[instance] = nil }

    mutating func end(_ instance: ExactText) {
        guard processes[instance] != nil else { return }
        offer(shares(of: instance).handoversAtEnd, of: instance)
        for (partition, holding) in holdings where holding.instance == instance {
            holdings[partition]?.end = min(holding.end, now)
        }
        relays[instance] = nil
        processes[instance] = nil
        notify()
    }

    /// Lets time pass, and every process decide when it is due.
    mutating func pass(_ duration: Duration, step: Duration) {
        let end = now + duration
        while now < end {
            now = now + step
            for instance in processes.keys.sorted() {
                guard let process = processes[instance], process.next <= now, process.pausedUntil <= now else {
                    continue
                }
                decide(instance)
            }
            check()
        }
    }

    private func shares(of instance: ExactText) -> RelayShares {
        RelayShares(
            of: instance,
            relays: relays.values.map(\.row),
            holdings: holdings,
            at: now,
            limits: limits
        )
    }

    private mutating func offer(_ handovers: [RelayShares.Handover], of instance: ExactText) {
        for handover in handovers {
            if holdings[handover.partition]?.instance != instance {
                faults.append("gave \(handover), which it does not hold")
            }
            holdings[handover.partition] = RelayShares.Holding(
                instance: handover.successor,
                end: now + limits.shortLease,
                isOffer: true
            )
        }
    }

    /// All that are not paused decide at once.
    private mutating func notify() { for instance in processes.keys { processes[instance]?.next = now } }

    private mutating func decide(_ instance: ExactText) {
        let decision = shares(of: instance).decision
        let end = now + decision.lease
        relays[instance]?.row.leaseEnd = end
        for partition in decision.kept { holdings[partition] = RelayShares.Holding(instance: instance, end: end) }
        for partition in decision.taken {
            if let holding = holdings[partition], holding.end > now { faults.append("took \(partition) of \(holding)") }
            holdings[partition] = RelayShares.Holding(instance: instance, end: end)
        }
        offer(decision.handovers, of: instance)
        for lapsed in decision.lapsed {
            relays[lapsed]?.row.leaseEnd = now
            relays[lapsed]?.row.since = now
            for (partition, holding) in holdings where holding.instance == lapsed && holding.end <= now {
                holdings[partition]?.isOffer = false
            }
        }
        let wasDue = processes[instance].map { $0.next < now } ?? false
        processes[instance]?.leases = Dictionary(
            uniqueKeysWithValues: (decision.kept + decision.taken).map { ($0, end) }
        )
        if !decision.handovers.isEmpty || decision.isLacking && wasDue { notify() }
        processes[instance]?.next = now + decision.next
    }

    /// No two processes believe that they may publish one partition.
    private mutating func check() {
        var owners = [Int](repeating: 0, count: Outbox.partitions)
        for process in processes.values {
            for (partition, end) in process.leases where end > now { owners[partition] += 1 }
        }
        for (partition, count) in owners.enumerated() where count > 1 {
            faults.append("\(count) processes may publish \(partition) at \(now)")
        }
    }

    /// The partitions that a living process may publish now.
    var served: Set<Int> {
        Set(processes.values.flatMap { process in process.leases.filter { $0.value > now }.map(\.key) })
    }

    var counts: [Int] {
        processes.values.map { process in process.leases.count { $0.value > now } }.sorted()
    }
}

@Suite("Shares of an outbox's relays")
struct RelaySharesTests {
    private static let all = Set(0..<Outbox.partitions)
    private let step = Duration.milliseconds(50)

    /// Replicas that have run for half a minute.
    private func settled(_ replicas: Int) -> RelayHistory {
        var history = RelayHistory()
        for number in 1...replicas { history.start("r\(number)") }
        history.pass(.seconds(30), step: step)
        return history
    }

    @Test("settled: shares differ by at most 1, also with more replicas than partitions", arguments: 1...10)
    func fair(replicas: Int) {
        let history = settled(replicas)
        #expect(history.faults == [])
        #expect(history.served == Self.all)
        #expect((history.counts.last ?? 0) - (history.counts.first ?? 0) <= 1)
    }

    @Test("settled: a decision changes nothing, and comes after a third of the lease")
    func idle() {
        let history = settled(3)
        for instance in ["r1", "r2", "r3"] as [ExactText] {
            let decision = RelayShares(
                of: instance,
                relays: history.relays.values.map(\.row),
                holdings: history.holdings,
                at: history.now,
                limits: history.limits
            ).decision
            #expect(decision.taken == [])
            #expect(decision.handovers == [])
            #expect(!decision.isLacking)
            #expect(decision.next == history.limits.lease / 3)
        }
    }

    @Test("an orderly end: the others serve all partitions at once")
    func end() {
        var history = settled(3)
        history.end("r2")
        history.pass(step, step: step)
        #expect(history.served == Self.all)
        #expect(history.counts == [4, 4])
        #expect(history.faults == [])
    }

    @Test("an orderly end beside a replica that was killed: the others serve all that was given within 5 s")
    func endBesideKilled() {
        var history = settled(3)
        history.kill("r3")
        let own = Set((history.processes["r2"]?.leases ?? [:]).keys)
        history.end("r2")
        history.pass(.seconds(5), step: step)
        #expect(history.served.isSuperset(of: own))
        #expect(history.faults == [])
    }

    @Test("a kill: the others serve all partitions within the lease and a second")
    func kill() {
        var history = settled(3)
        history.kill("r1")
        history.pass(history.limits.lease + .seconds(1), step: step)
        #expect(history.served == Self.all)
        #expect(history.faults == [])
    }

    @Test("a replica that crashes every 5 s has no partition once its first lease has ended")
    func crashes() {
        var history = settled(3)
        for round in 0..<24 {
            history.kill("r3")
            history.pass(.milliseconds(500), step: step)
            history.start("r3")
            history.pass(.milliseconds(4_500), step: step)
            #expect(history.served == Self.all, "round \(round)")
            #expect(history.processes["r3"]?.leases == [:], "round \(round)")
        }
        #expect(history.faults == [])
    }

    @Test("beside a replica that crashes every 5 s, an orderly end and a kill keep their limits")
    func endsBesideCrashes() {
        for isKill in [false, true] {
            var history = settled(3)
            for _ in 0..<8 {
                history.kill("r3")
                history.start("r3")
                history.pass(.seconds(5), step: step)
            }
            if isKill { history.kill("r1") } else { history.end("r1") }
            let limit = isKill ? history.limits.lease + .seconds(1) : .seconds(5)
            let end = history.now + limit
            while history.now < end {
                history.kill("r3")
                history.start("r3")
                history.pass(min(.seconds(5), end - history.now), step: step)
            }
            #expect((history.processes["r2"]?.leases.keys).map(Set.init) == Self.all)
            #expect(history.faults == [])
        }
    }

    @Test(
        "random histories: no partition has two relays; all have one, and shares are equal, within a bounded time",
        arguments: UInt64(1)...100
    )
    func random(seed: UInt64) {
        let entropy = SeededEntropy(seed: seed)
        func below(_ limit: Int) -> Int { Int(entropy.number(below: UInt64(limit))) }
        let names: [ExactText] = ["a", "b", "c", "d", "e"]
        var history = RelayHistory()
        for _ in 0..<40 {
            let name = names[below(names.count)]
            switch below(8) {
            case 0...2: if history.processes[name] == nil { history.start(name) }
            case 3:
                history.kill(name)
                history.start(name)
            case 4: history.kill(name)
            case 5: history.end(name)
            case 6: history.processes[name]?.pausedUntil = history.now + .milliseconds(below(40_000))
            default: break
            }
            history.pass(.milliseconds(1 + below(12_000)), step: .milliseconds(200))
        }
        if history.processes.isEmpty { history.start("a") }
        for name in names { history.processes[name]?.pausedUntil = history.now }
        let limits = history.limits
        history.pass(limits.lease + .seconds(1), step: .milliseconds(200))
        #expect(history.served == Self.all)
        history.pass(limits.probation + .seconds(5), step: .milliseconds(200))
        #expect(history.served == Self.all)
        #expect((history.counts.last ?? 0) - (history.counts.first ?? 0) <= 1)
        #expect(history.faults == [])
    }
}
