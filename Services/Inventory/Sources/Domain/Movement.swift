/// A movement of stock with all its changes, ordered by location.
struct Movement: Sendable, Equatable {
    /// The id of the reservation, delivery or correction.
    let id: String
    let kind: MovementKind
    let changes: [Change]
}
