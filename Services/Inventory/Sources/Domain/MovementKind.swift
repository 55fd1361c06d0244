/// The cause of a movement.
enum MovementKind: String, Sendable, Equatable {
    case reserved, confirmed, released, expired, received, returned, corrected
}
