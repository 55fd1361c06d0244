extension Reservation {
    /// The column `status`; there is no row for an unknown reservation.
    enum StoredStatus: String, Sendable {
        case held, confirmed, released, expired
    }
}
