import Foundation
import ShopSimulation

/// Simulates many worlds in several processes at once, each of which starts anew now and then.
struct Crew {
    /// Worlds of one process.
    private static let worldsLimit = 50
    /// After which a world that says nothing is given up, in real milliseconds.
    private static let patience = 120_000
    private static let look = 500

    let jobs: Int

    /// A child at work.
    private final class Hand {
        let process = Process()
        let pipe = Pipe()
        /// In the sequence in which their verdicts come.
        var left: ArraySlice<Scenario>
        var rest = Data()
        var silence = 0

        init(_ worlds: ArraySlice<Scenario>) { left = worlds }

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
            poll(&polled, nfds_t(polled.count), Int32(Self.look))
            var ended: [ObjectIdentifier] = []
            for (hand, entry) in zip(hands, polled) {
                guard entry.revents != 0 else {
                    hand.silence += Self.look
                    if hand.silence >= Self.patience { kill(hand.process.processIdentifier, SIGKILL) }
                    continue
                }
                hand.silence = 0
                guard try !read(hand, take) else { continue }
                ended.append(ObjectIdentifier(hand))
                hand.process.waitUntilExit()
                guard let world = hand.left.first else { continue }
                let status = hand.process.terminationStatus
                take(Verdict(lost: world, "the process that simulated it ended with \(status)"))
                if hand.left.count > 1 { waiting.append(hand.left.dropFirst()) }
            }
            hands.removeAll { ended.contains(ObjectIdentifier($0)) }
        }
    }

    private func start(_ worlds: ArraySlice<Scenario>, _ order: Worker.Order) throws -> Hand {
        let hand = Hand(worlds)
        var own = order
        own.worlds = Array(worlds)
        hand.process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        hand.process.arguments = ["--worker", String(decoding: try JSONEncoder().encode(own), as: UTF8.self)]
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
