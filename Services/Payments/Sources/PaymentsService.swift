public import MartletContract
public import MartletHost
public import MartletSQL
import PaymentsContract
import ProviderContract

/// Payments, assembled: reads as the table of contents of this folder.
public struct PaymentsService: ServiceBlueprint {
    public static let name = "payments"
    public static let migrations = PaymentSchema.migrations

    let till: Till

    public init(on platform: Platform) {
        till = Till(
            database: platform.database,
            store: PaymentStore(),
            provider: TestProvider(client: ProviderClient(over: platform.channel(to: "provider")), service: Self.name)
        )
    }

    public var handlers: [ServedContract] { [.payments(PaymentsHandler(till: till))] }
}
