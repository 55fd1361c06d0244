import MartletCore
import MartletTesting

/// Waits for something that a real process does in its own time.
enum Poll {
    private static let interval = Duration.milliseconds(20)

    /// Polls until there is a value.
    ///
    /// - Parameter what: What is waited for, for the failure.
    /// - Throws: ``RunningShop/Failure`` after ``HangLimit/wait``; otherwise what `poll` throws.
    @discardableResult
    static func until<Value>(_ what: String, _ poll: () async throws -> Value?) async throws -> Value {
        let time = SystemTime()
        let limit = time.now + HangLimit.wait
        while true {
            if let value = try await poll() { return value }
            guard time.now < limit else { break }
            try await time.sleep(for: interval)
        }
        throw RunningShop.Failure(what: "waited \(HangLimit.wait) for: \(what)")
    }
}
