import Testing

/// Starts one shop for all tests of a suite, and stops it after the last.
struct SharedShop: SuiteTrait, TestScoping {
    @TaskLocal static var current: StockedShop?

    /// The suite's shop.
    static var shop: StockedShop { get throws { try #require(current) } }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        guard Programs.areBuilt else { return try await function() }
        let shop = try RunningShop()
        do {
            let stocked = try await StockedShop(shop)
            try await Self.$current.withValue(stocked) { try await function() }
        } catch {
            _ = try shop.end()
            throw error
        }
        #expect(try shop.end() == 0)
    }
}

extension Trait where Self == SharedShop {
    /// One shop for all tests of the suite.
    static var sharedShop: SharedShop { SharedShop() }
}
