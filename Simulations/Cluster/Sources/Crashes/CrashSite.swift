/// A crash point in one service.
package struct CrashSite: Sendable, Codable, Hashable, Comparable {
    /// The service's name.
    let service: String
    /// The crash point's name, as in `outbox.committed`.
    let point: String

    package init(service: String, point: String) {
        self.service = service
        self.point = point
    }

    /// As in `parcels/outbox.committed`.
    var text: String { "\(service)/\(point)" }

    package static func < (left: CrashSite, right: CrashSite) -> Bool {
        (left.service, left.point) < (right.service, right.point)
    }
}
