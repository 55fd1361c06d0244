public import MartletContract
public import MartletHost
public import MartletSQL
import PaymentsContract
import ProviderContract

/// The payments service: authorises, captures, voids and refunds through a payment provider.
public struct PaymentsService: ServiceBlueprint {
    public static let name = "payments"
    public static let migrations = PaymentSchema.migrations + PaymentAuditViews.migrations

    public static let retentions = PaymentSchema.retentions

    let platform: Platform
    let processor: PaymentProcessor

    public init(on platform: Platform) {
        self.platform = platform
        processor = PaymentProcessor(
            database: platform.database,
            store: PaymentStore(),
            provider: TestProvider(client: ProviderClient(on: platform))
        )
    }

    public var handlers: [ServedContract] { [.payments(PaymentsHandler(processor: processor), on: platform)] }

    public var operatorWork: [OperatorWork] {
        [OperatorWork("payment_disagreements") { try PaymentStore().countDisagreements(in: $0) }]
    }
}
