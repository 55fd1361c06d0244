import MartletSQL

extension SQLError {
    /// Whether another try may succeed without anybody mending anything.
    var isPassing: Bool {
        switch kind {
        case .conflict, .unavailable, .outcomeUnknown: true
        case .constraint, .misuse: false
        }
    }
}
