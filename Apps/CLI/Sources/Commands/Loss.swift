import Console
import MartletCore
import MartletEventLog
import MartletHost
import SwiftProtobuf

/// A range of events that a group will not receive, as printed.
struct Loss: Encodable {
    /// The service whose database has it; `eventlog` while none has.
    let service: String
    /// Unique in the service.
    let id: Int64
    let topic: String
    let group: String
    let partition: Int32
    let first: Int64
    let last: Int64
    let events: Int64
    /// `purged` or `removed`.
    let reason: String
    let firstStoredAt: String
    let lastStoredAt: String
    let bookedAt: String
    let confirmedAt: String?
    let confirmedBy: String?

    /// - Parameter service: The service whose database has it, or `eventlog`.
    init(_ record: some StatedLoss, of service: String) {
        self.service = service
        id = record.id
        topic = record.topic
        group = record.group
        partition = record.partition
        first = record.first
        last = record.last
        events = record.events
        reason = record.reason
        firstStoredAt = Timestamp(microseconds: record.firstStoredAt).description
        lastStoredAt = Timestamp(microseconds: record.lastStoredAt).description
        bookedAt = Timestamp(microseconds: record.bookedAt).description
        confirmedAt = record.confirmedAt == 0 ? nil : Timestamp(microseconds: record.confirmedAt).description
        confirmedBy = record.confirmedAt == 0 ? nil : record.confirmedBy
    }
}

/// What a service and the event log state of a loss, each in its own contract.
protocol StatedLoss {
    var id: Int64 { get }
    var topic: String { get }
    var group: String { get }
    var partition: Int32 { get }
    var first: Int64 { get }
    var last: Int64 { get }
    var events: Int64 { get }
    var reason: String { get }
    var firstStoredAt: Int64 { get }
    var lastStoredAt: Int64 { get }
    var bookedAt: Int64 { get }
    var confirmedAt: Int64 { get }
    var confirmedBy: String { get }
}

extension LossRecord: StatedLoss {}
extension GroupLossRecord: StatedLoss {}

/// The losses of a running system: those that services have stored, and those that only the event log knows.
struct LossList {
    private(set) var losses: [Loss] = []
    /// What did not respond, by name.
    private(set) var missing: [String] = []

    /// - Parameters:
    ///   - folder: The data folder of the system.
    ///   - service: Only those of this service, or of the event log; `nil` for all.
    ///   - confirmed: Those that an operator has confirmed, too.
    /// - Throws: `CommandFailure` when nothing runs there, or nothing responds.
    init(of folder: DataFolder, only service: String?, confirmed: Bool) async throws {
        if service != LogStatus.service {
            let client = try await OperatorClient.open(folder, only: service)
            let responses = try await client.queryAll { try await Self.losses(of: $0, confirmed: confirmed) }
            losses = responses.all.flatMap(\.response)
            missing = responses.missing
        }
        guard (service ?? LogStatus.service) == LogStatus.service else { return }
        do {
            losses += try await Self.losses(ofLogOn: folder, confirmed: confirmed)
        } catch let failure as CommandFailure where service == nil {
            // What the services have stored is known without the log.
            Terminal().note("Warning: \(failure.description)")
            missing.append(LogStatus.service)
        }
    }

    private static func losses(of service: OperatorClient.Service, confirmed: Bool) async throws -> [Loss] {
        var records: [GroupLossRecord] = []
        while records.count < OperatorClient.keysLimit {
            let request = ListGroupLossesRequest.with {
                $0.afterID = records.last?.id ?? 0
                $0.confirmed = confirmed
            }
            let page = try await service.calls.listGroupLosses(request, context: service.context).losses
            if page.isEmpty { break }
            records += page
        }
        return records.map { Loss($0, of: service.name) }
    }

    private static func losses(ofLogOn folder: DataFolder, confirmed: Bool) async throws -> [Loss] {
        try await LogConnection.with(folder) { client, context in
            var records: [LossRecord] = []
            while true {
                var request = ListLossesRequest()
                request.afterID = records.last?.id ?? 0
                request.confirmed = confirmed
                let page = try await client.listLosses(request, context: context).losses
                if page.isEmpty { return records.map { Loss($0, of: LogStatus.service) } }
                records += page
            }
        }
    }
}
