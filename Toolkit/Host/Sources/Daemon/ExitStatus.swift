import MartletConfig
import MartletCore

/// How our programs end, for supervisors: the numbers of sysexits.h.
public enum ExitStatus: Int32, Sendable {
    /// A signal asked for it, and everything was let go in order.
    case clean = 0
    /// A flag is unknown, missing or wrong, or a crash point is none.
    case usage = 64
    /// Something broke that should not: a restart may help.
    case `internal` = 70
    /// A variable or a file of the configuration is wrong: a restart does not help.
    case config = 78

    /// How a program ends that cannot start because of `faults`: by flags before variables.
    init(_ faults: ConfigFaults) {
        let isUsage = faults.faults.contains { !$0.key.hasPrefix(Config.prefix) || $0.key == CrashPoints.variable }
        self = isUsage ? .usage : .config
    }
}
