/// The events of one kind of stream: usually an enum with a case for each thing that can have happened.
public protocol StreamEvent: Codable, Sendable {
    /// The form of bodies that this program writes, from 1; raised together with a new ``Upcaster``.
    static var schema: Int { get }
    /// The stored name, as in `reserved`.
    var type: String { get }
}

/// A state that is nothing but the sum of its stream's events.
public protocol EventSourced: Sendable {
    associatedtype Event: StreamEvent

    /// The state before the first event.
    init(id: String)
    /// Takes in what has happened: never refuses, never looks at anything but the state and the event.
    mutating func apply(_ event: Event)
}

/// A state that is also kept as a snapshot, so that long streams load fast.
public protocol Snapshotting: EventSourced, Codable {
    /// The form of snapshots that this program writes; one of another form is ignored and made anew.
    static var snapshotSchema: Int { get }
    /// Events from one snapshot to the next.
    static var snapshotEvery: Int { get }
}

/// A state together with how far its stream had come.
public struct Loaded<State: EventSourced>: Sendable {
    public let id: String
    public internal(set) var state: State
    /// 0 when the stream does not exist.
    public internal(set) var version: Int
}
