/// The two sources of nondeterminism of a program: its clocks and its random numbers.
///
/// It is given, never taken, so that a run can be replayed: a daemon passes ``system``, a test time under control and a
/// seed, a simulation the clocks of a simulated machine.
///
/// ```swift
/// struct Tickets {
///     let runtime: Runtime
///
///     /// A ticket that expires after one hour.
///     func issue() -> (id: Identifier, expiresAt: Moment) {
///         (runtime.identifier(), runtime.time.now + .seconds(3_600))
///     }
/// }
/// ```
///
/// What needs only one of the two takes ``time`` or ``entropy`` alone. Copies share both sources.
public struct Runtime: Sendable {
    /// The clocks.
    public let time: any TimeSource
    /// The random numbers.
    public let entropy: any Entropy

    /// Shares both sources with their other users.
    public init(time: any TimeSource, entropy: any Entropy) {
        self.time = time
        self.entropy = entropy
    }

    /// The operating system's clocks and random numbers.
    public static var system: Runtime { Runtime(time: SystemTime(), entropy: SystemEntropy()) }

    /// A new identifier, from the wall clock and two draws of ``entropy``.
    public func identifier() -> Identifier { Identifier(time: time, entropy: entropy) }
}
