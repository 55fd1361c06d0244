public import MartletDiscovery

/// The conformance suite of registries.
///
/// An adapter's test runs each check once:
/// `@Test(arguments: RegistryConformance.Check.allCases) func conforms(check: …) async throws {
/// try await suite.run(check) }`
public struct RegistryConformance: Sendable {
    public enum Check: String, Sendable, CaseIterable {
        case snapshotsByID, hasNoInstanceOfUnknownService, listsServicesByName, followsChange, notifiesWatcher
        case returnsToStaleWatcher, endsCancelledWatcher, snapshotFollowsWatcher
    }

    /// A registry of `services`, and how to change them; `change` is `nil` for a static registry.
    public struct Subject: Sendable {
        public let registry: any Registry
        public let change: (@Sendable (_ service: String, _ instances: [Instance]) async throws -> Void)?

        public init(
            registry: any Registry,
            change: (@Sendable (_ service: String, _ instances: [Instance]) async throws -> Void)?
        ) {
            self.registry = registry
            self.change = change
        }
    }

    private let make: @Sendable (_ services: [String: [Instance]]) async throws -> Subject

    /// - Parameter make: Makes a registry for each check.
    public init(_ make: @escaping @Sendable (_ services: [String: [Instance]]) async throws -> Subject) {
        self.make = make
    }

    /// - Throws: ``RegistryFailure`` when the check fails.
    public func run(_ check: Check) async throws {
        let first = Self.instance("a", 9_001)
        let second = Self.instance("b", 9_002)
        let subject = try await make(["parcels": [second, first], "links": [first], "empty": []])
        let registry = subject.registry
        switch check {
        case .snapshotsByID:
            try expect(try registry.snapshot("parcels") == [first, second], check)
        case .hasNoInstanceOfUnknownService:
            try expect(try registry.snapshot("unknown").isEmpty, check)
            try expect(try registry.snapshot("empty").isEmpty, check)
        case .listsServicesByName:
            try expect(try registry.services() == ["links", "parcels"], check)
        case .followsChange:
            guard let change = subject.change else { return }
            try await change("parcels", [second])
            try expect(try registry.snapshot("parcels") == [second], check)
            try expect(try registry.snapshot("links") == [first], check)
            try await change("parcels", [])
            try expect(try registry.snapshot("parcels").isEmpty, check)
            try expect(try registry.services() == ["links"], check)
        case .notifiesWatcher:
            guard let change = subject.change else { return }
            async let seen = registry.changes(of: "parcels", from: [first, second])
            try await change("links", [second])
            try await change("parcels", [first])
            try expect(try await seen == [first], check)
        case .snapshotFollowsWatcher:
            guard let change = subject.change else { return }
            async let seen = registry.changes(of: "parcels", from: [first, second])
            try await change("parcels", [first])
            let changed = try await seen
            try expect(try registry.snapshot("parcels") == changed, check)
        case .returnsToStaleWatcher:
            try expect(try await registry.changes(of: "parcels", from: []) == [first, second], check)
        case .endsCancelledWatcher:
            let ended = await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do {
                        _ = try await registry.changes(of: "parcels", from: [first, second])
                        return false
                    } catch { return error is CancellationError }
                }
                group.cancelAll()
                return await group.next() ?? false
            }
            try expect(ended, check)
        }
    }

    private static func instance(_ id: String, _ port: Int) -> Instance {
        Instance(
            id: id,
            http: Address(host: "127.0.0.1", port: port),
            grpc: Address(host: "::1", port: port + 100),
            operate: nil
        )
    }

    private func expect(_ condition: Bool, _ check: Check) throws {
        guard condition else { throw RegistryFailure(check: check) }
    }
}

/// A registry has failed a check.
public struct RegistryFailure: Error, Equatable {
    public let check: RegistryConformance.Check
}
