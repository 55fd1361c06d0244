import MartletCore
import MartletDiscovery

/// The instances of one service with their calls, circuits and ejections: a value without clock, lock or task.
struct InstancePool: Sendable {
    /// An instance that was chosen for a call.
    struct Choice: Sendable {
        let instance: Instance
        /// Identifies the instance as long as it is listed with the same addresses.
        let number: Int
        fileprivate let kind: MethodClass
        fileprivate let admission: CircuitBreaker.Admission
    }

    enum Selection: Sendable {
        case chosen(Choice)
        /// No instance is listed, or each was tried.
        case noInstance
        /// The circuits of all that are left are open, for so long.
        case refused(Duration)
    }

    private struct Member: Sendable {
        let number: Int
        let instance: Instance
        /// Calls that have not ended.
        var outstanding = 0
        var ejection: Ejection
        /// By the raw values of the classes of methods.
        var circuits: [CircuitBreaker]
    }

    private let policy: CallPolicy
    private let isSuitable: @Sendable (Instance) -> Bool
    private var listed: [Instance] = []
    private var members: [Member] = []
    private var lastNumber = 0

    init(_ policy: CallPolicy, isSuitable: @escaping @Sendable (Instance) -> Bool) {
        self.policy = policy
        self.isSuitable = isSuitable
    }

    /// Takes what the registry lists.
    ///
    /// What is known of an instance is kept while it has the same addresses.
    mutating func update(_ instances: [Instance]) {
        // The same array as before is equal at once.
        guard instances != listed else { return }
        listed = instances
        members = instances.filter(isSuitable).map { instance in
            members.first { $0.instance == instance } ?? added(instance)
        }
    }

    private mutating func added(_ instance: Instance) -> Member {
        lastNumber += 1
        let circuit = CircuitBreaker(failuresLimit: policy.failuresLimit, openDuration: policy.circuitOpenDuration)
        return Member(
            number: lastNumber,
            instance: instance,
            ejection: Ejection(policy.instances),
            circuits: Array(repeating: circuit, count: MethodClass.allCases.count)
        )
    }

    /// Chooses an instance for a call: of two at random the one with fewer calls.
    ///
    /// The call counts until it ends. Ejected instances get calls that no other instance has taken, and no others.
    ///
    /// - Parameters:
    ///   - kind: The class of the call's method.
    ///   - tried: The numbers of the instances that have not processed it.
    ///   - now: The time.
    ///   - isConclusive: Whether the call has the time that it usually takes. Called while a circuit is open.
    ///   - random: A random number below a bound.
    mutating func choose(
        for kind: MethodClass,
        except tried: [Int] = [],
        at now: Moment,
        isConclusive: () -> Bool = { true },
        random: (_ below: Int) -> Int
    ) -> Selection {
        let ejected = ejected(at: now)
        var open = members.indices.filter { index in
            let number = members[index].number
            return !tried.contains(number) && !ejected.contains(number)
        }
        if open.isEmpty, !tried.isEmpty { open = members.indices.filter { !tried.contains(members[$0].number) } }
        let candidates = open.filter {
            members[$0].circuits[kind.rawValue].admits(at: now, isConclusive: isConclusive())
        }
        guard let index = fewerCalls(of: candidates, random) else {
            let waits = open.map { members[$0].circuits[kind.rawValue].wait(at: now) }
            return waits.min().map { .refused($0) } ?? .noInstance
        }
        guard let admission = members[index].circuits[kind.rawValue].admit(at: now, isConclusive: isConclusive()) else {
            return .refused(policy.circuitOpenDuration)
        }
        members[index].outstanding += 1
        let member = members[index]
        return .chosen(Choice(instance: member.instance, number: member.number, kind: kind, admission: admission))
    }

    private func fewerCalls(of candidates: [Int], _ random: (_ below: Int) -> Int) -> Int? {
        guard candidates.count > 1 else { return candidates.first }
        let first = random(candidates.count)
        let drawn = random(candidates.count - 1)
        let second = drawn < first ? drawn : drawn + 1
        let (one, other) = (candidates[first], candidates[second])
        return members[other].outstanding < members[one].outstanding ? other : one
    }

    /// The numbers of the instances that are left out: of those that keep failing the allowed share, whose time ends last.
    func ejected(at now: Moment) -> [Int] {
        var failing: [(until: Moment, number: Int)] = []
        for member in members {
            if let until = member.ejection.until, now < until { failing.append((until, member.number)) }
        }
        guard !failing.isEmpty else { return [] }
        failing.sort { ($1.until, $0.number) < ($0.until, $1.number) }
        return failing.prefix(policy.instances.ejectedMax(of: members.count)).map(\.number)
    }

    /// Whether the calls of a class are refused, since the circuits of all instances are open.
    var refusesCalls: Bool {
        !members.isEmpty
            && MethodClass.allCases.contains { kind in members.allSatisfy { $0.circuits[kind.rawValue].isOpen } }
    }

    // MARK: The ends of calls

    mutating func succeeded(_ choice: Choice, at now: Moment) {
        update(choice) { member in
            member.circuits[choice.kind.rawValue].succeeded(choice.admission, at: now)
            // A stream may be opened before it is connected.
            if choice.kind != .streams { member.ejection.succeeded() }
        }
    }

    mutating func failed(_ choice: Choice, _ classification: CircuitBreaker.Classification, at now: Moment) {
        if case .success = classification { return succeeded(choice, at: now) }
        update(choice) { member in
            let kind = choice.kind.rawValue
            switch classification {
            case .success: break
            case .ignored: member.circuits[kind].abandoned(choice.admission, at: now)
            case .failure:
                member.circuits[kind].failed(choice.admission, at: now)
                member.ejection.failed(at: now)
            case .unanswered(let duration):
                if member.circuits[kind].unanswered(choice.admission, for: duration, at: now) {
                    member.ejection.failed(at: now)
                }
            }
        }
    }

    /// Nothing for an instance that is not listed any more.
    private mutating func update(_ choice: Choice, _ change: (inout Member) -> Void) {
        guard let index = members.firstIndex(where: { $0.number == choice.number }) else { return }
        members[index].outstanding -= 1
        change(&members[index])
    }
}
