import Foundation
import MartletCore
import ShopSimulation

/// Simulates many worlds in several processes at once, each of which starts anew now and then.
struct Crew {
    /// Worlds of one process.
    private static let worldsLimit = 50
    /// How long a world may say nothing in real time when nobody says otherwise, and how much longer for each of its orders.
    private static let patience = Duration.seconds(120)
    private static let patiencePerOrder = Duration.milliseconds(200)
    /// One world takes the memory that another gave back, so that the system need not clear it each time (mallopt(3), in bytes).
    private static let memory = ["MALLOC_TRIM_THRESHOLD_": "2147483647", "MALLOC_MMAP_THRESHOLD_": "33554432"]
    private static let lookMilliseconds: Int32 = 500

    let jobs: Int
    /// After which a world that says nothing is given up; by the number of its orders for `nil`.
    let patience: Duration?
    private let time = SystemTime()

    /// A child at work.
    private final class Hand {
        let process = Process()
        let pipe = Pipe()
        /// In the sequence in which their verdicts come.
        var left: ArraySlice<Scenario>
        var rest = Data()
        /// When it last said something.
        var heard: Moment
        var isGivenUp = false

        init(_ worlds: ArraySlice<Scenario>, at now: Moment) { (left, heard) = (worlds, now) }

        var descriptor: Int32 { pipe.fileHandleForReading.fileDescriptor }
    }

    /// - Parameter take: Called with each verdict, as they come.
    func simulate(_ order: Worker.Order, take: (Verdict) -> Void) throws {
        let (worlds, count) = (order.worlds, order.worlds.count)
        let size = max(1, min(Self.worldsLimit, (count + jobs - 1) / jobs))
        var waiting = stride(from: 0, to: count, by: size).map { worlds[$0..<min($0 + size, count)] }
        var hands: [Hand] = []
        while !waiting.isEmpty || !hands.isEmpty {
            while hands.count < jobs, !waiting.isEmpty { hands.append(try start(waiting.removeFirst(), order)) }
            var polled = hands.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            poll(&polled, nfds_t(polled.count), Self.lookMilliseconds)
            var ended: [ObjectIdentifier] = []
            for (hand, entry) in zip(hands, polled) {
                guard entry.revents != 0 else {
                    giveUpIfSilent(hand)
                    continue
                }
                hand.heard = time.now
                guard try !read(hand, take) else { continue }
                ended.append(ObjectIdentifier(hand))
                hand.process.waitUntilExit()
                guard let world = hand.left.first else { continue }
                let why =
                    hand.isGivenUp
                    ? "no end was in sight: it was given up"
                    : "the process that simulated it ended with \(hand.process.terminationStatus)"
                take(Verdict(lost: world, why))
                if hand.left.count > 1 { waiting.append(hand.left.dropFirst()) }
            }
            hands.removeAll { ended.contains(ObjectIdentifier($0)) }
        }
    }

    private func giveUpIfSilent(_ hand: Hand) {
        let patience = patience ?? Self.patience + Self.patiencePerOrder * (hand.left.first?.orders ?? 0)
        guard !hand.isGivenUp, time.now - hand.heard > patience else { return }
        hand.isGivenUp = true
        kill(hand.process.processIdentifier, SIGKILL)
    }

    private func start(_ worlds: ArraySlice<Scenario>, _ order: Worker.Order) throws -> Hand {
        let hand = Hand(worlds, at: time.now)
        var own = order
        own.worlds = Array(worlds)
        hand.process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        hand.process.arguments = ["--worker", String(decoding: try JSONEncoder().encode(own), as: UTF8.self)]
        hand.process.environment = ProcessInfo.processInfo.environment.merging(Self.memory) { own, _ in own }
        hand.process.standardOutput = hand.pipe
        try hand.process.run()
        return hand
    }

    /// Takes the verdicts that have come; false at the end of the child's output.
    private func read(_ hand: Hand, _ take: (Verdict) -> Void) throws -> Bool {
        let more = hand.pipe.fileHandleForReading.availableData
        guard !more.isEmpty else { return false }
        hand.rest += more
        while let end = hand.rest.firstIndex(of: UInt8(ascii: "\n")) {
            let verdict = try JSONDecoder().decode(Verdict.self, from: hand.rest[..<end])
            hand.rest = Data(hand.rest[(end + 1)...])
            hand.left.removeFirst()
            take(verdict)
        }
        return true
    }
}
