import ArgumentParser

/// Which crashes are injected, one world each.
enum CrashMode: String, Encodable, CaseIterable, ExpressibleByArgument {
    /// Each crash point of each service, at its first and its second hit.
    case single
    /// Also each ordered pair: the second crash hits the recovery from the first.
    case pairs
}
