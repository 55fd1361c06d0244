import MartletCore
import MartletHost
import MartletSecurity

/// The rotation of a supervisor's keys, whose failures are reported once and repeated.
struct SupervisedRotation: Sendable {
    /// How soon a failed step is repeated.
    static let retry = Duration.seconds(5)

    private var rotator: KeyRotator
    /// Until when a failed step waits; `nil` while none has failed.
    private var waitsUntil: Moment?

    init(_ rotator: KeyRotator) { self.rotator = rotator }

    /// Takes all steps that are due.
    ///
    /// - Parameters:
    ///   - now: The monotonic clock.
    ///   - note: Gets a failure that is not known yet.
    ///   - publish: Writes key sets and tokens into the folders of all processes.
    mutating func advance(
        at now: Moment,
        note: @Sendable (String) -> Void,
        publish: @Sendable () async throws -> Void
    ) async {
        if let waitsUntil, now < waitsUntil { return }
        do {
            while try await rotator.advance(publish: publish) {}
            waitsUntil = nil
        } catch {
            if waitsUntil == nil { note("the keys cannot be rotated, will retry: \(ErrorText.plain(error))") }
            waitsUntil = now + Self.retry
        }
    }
}
