import MartletCore
import MartletSimulation
import Testing

@Suite("Outbox relays of three replicas")
struct RelayReplicasTests {
    /// Three replicas that share the partitions, in a simulation.
    private func run<R: Sendable>(_ body: @escaping @Sendable (RelayReplicas) async throws -> R) throws -> R {
        let simulation = Simulation(seed: 1)
        return try simulation.run {
            let replicas = try await RelayReplicas(3, in: simulation)
            defer { replicas.close() }
            return try await body(replicas)
        }
    }

    @Test("idle: each has its share, and an event of any process is published within 100 ms")
    func idle() throws {
        let (shares, wait) = try run { replicas in
            try await replicas.load(for: .seconds(20), crashing: nil)
            return (try await replicas.shares(), replicas.longestWait())
        }
        #expect(shares == [2, 3, 3])
        let longest = try #require(wait)
        #expect(longest <= .milliseconds(100))
    }

    @Test("an orderly end: the others publish its partitions within 5 s", arguments: [nil, 3] as [Int?])
    func end(crashing: Int?) throws {
        let (shares, wait) = try run { replicas in
            try await replicas.load(for: .seconds(30), crashing: crashing)
            await replicas.end(1)
            try await replicas.load(for: .seconds(20), crashing: crashing)
            return (try await replicas.shares(), replicas.longestWait())
        }
        #expect(shares == (crashing == nil ? [4, 4] : [8]))
        // The first crash, of a proven replica, is a kill; it starts again at once.
        let longest = try #require(wait)
        #expect(longest <= .seconds(5))
    }

    @Test("a kill: the others publish its partitions within the lease and a second", arguments: [nil, 3] as [Int?])
    func kill(crashing: Int?) throws {
        let (shares, wait) = try run { replicas in
            try await replicas.load(for: .seconds(30), crashing: crashing)
            replicas.kill(1)
            try await replicas.load(for: .seconds(40), crashing: crashing)
            return (try await replicas.shares(), replicas.longestWait())
        }
        #expect(shares == (crashing == nil ? [4, 4] : [8]))
        let longest = try #require(wait)
        #expect(longest <= .seconds(31))
    }

    @Test("a kill and a restart: the partitions have a relay at once")
    func restart() throws {
        let wait = try run { replicas in
            replicas.kill(1)
            replicas.start(1)
            try await replicas.load(for: .seconds(20), crashing: nil)
            return replicas.longestWait()
        }
        let longest = try #require(wait)
        #expect(longest <= .seconds(1))
    }
}
