import MartletContract

/// The methods that fail together at an instance, and so share a circuit there.
enum MethodClass: Int, Sendable, CaseIterable {
    case reads, writes
    /// Its calls end when they are opened.
    case streams

    init(_ method: MethodDescriptor, isStream: Bool) {
        self = isStream ? .streams : method.writes ? .writes : .reads
    }
}
