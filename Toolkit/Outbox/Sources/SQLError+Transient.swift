import MartletSQL

extension SQLError {
    /// Whether a retry may succeed without a fix.
    var isTransient: Bool {
        switch kind {
        case .conflict, .unavailable, .full, .outcomeUnknown: true
        // The same event would take as long again, and delay all others.
        case .constraint, .misuse, .interrupted: false
        }
    }
}
