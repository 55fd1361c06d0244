import MartletSQL

extension SQLError {
    /// Whether a retry may succeed without a fix.
    var isTransient: Bool {
        switch kind {
        case .conflict, .unavailable, .full, .outcomeUnknown: true
        case .constraint, .misuse: false
        }
    }
}
