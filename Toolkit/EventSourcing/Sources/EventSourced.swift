import MartletCore

/// The events of one kind of stream: usually an enum with a case for each thing that can have happened.
///
/// A value that is encoded and decoded again must mean the same: the process that appends an event applies the value itself
/// to the state and the projections, and others decode what is stored.
public protocol StreamEvent: Codable, Sendable {
    /// The schema version of the bodies that this program writes, from 1; incremented with each new ``Upcaster``.
    static var schema: Int { get }
    /// The stored name, as in `opened`.
    var type: String { get }
}

/// A state that is the fold of its stream's events.
///
/// ```swift
/// enum DoorEvent: String, StreamEvent {
///     case opened, closed
///
///     static let schema = 1
///     var type: String { rawValue }
/// }
///
/// struct Door: EventSourced {
///     var isOpen = false
///
///     init(id: String) {}
///     mutating func apply(_ event: DoorEvent) { isOpen = event == .opened }
/// }
///
/// func open(_ id: String, in store: EventStore, _ tx: borrowing SQLTransaction) throws {
///     try store.update(Door.self, id, in: tx) { door in door.isOpen ? [] : [.opened] }
/// }
/// ```
public protocol EventSourced: Sendable {
    associatedtype Event: StreamEvent

    /// The state before the first event.
    init(id: String)
    /// Applies an event: never fails, and depends only on the state and the event.
    mutating func apply(_ event: Event)
}

/// A state that is also saved as a snapshot, so that long streams load fast.
public protocol Snapshotting: EventSourced, Codable {
    /// The schema version of the snapshots that this program writes; others are ignored and rebuilt.
    static var snapshotSchema: Int { get }
    /// The number of events between snapshots.
    static var snapshotEvery: Int { get }
}

/// A state with the version of its stream.
public struct Loaded<State: EventSourced>: Sendable {
    public let id: String
    public internal(set) var state: State
    /// 0 when the stream does not exist.
    public internal(set) var version: Int
    /// Of the event with this version; `nil` before the first one.
    var at: Timestamp?
    /// What was folded, in bytes of JSON: the events' bodies, or a snapshot and the bodies after it.
    var bytes: Int

    /// The state before the first event.
    init(id: String) { self.init(id: id, state: State(id: id), version: 0, at: nil, bytes: 0) }

    init(id: String, state: State, version: Int, at: Timestamp?, bytes: Int) {
        self.id = id
        self.state = state
        self.version = version
        self.at = at
        self.bytes = bytes
    }

    /// Applies the stream's next event.
    mutating func apply(_ event: State.Event, stored: StoredEvent) {
        state.apply(event)
        version = stored.version
        at = stored.at
        bytes += stored.body.utf8.count
    }
}
