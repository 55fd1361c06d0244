import MartletContract
import MartletCore
import MartletSQL
import MartletTestContract
import Testing

@Suite("No platform")
struct NoPlatformTests {
    @Test("a client on it throws a fault that names the service")
    func channel() async throws {
        let client = ParcelClient(on: NoPlatform())
        let fault = await #expect(throws: Fault.self) {
            _ = try await client.getParcel(GetParcelRequest(), context: CallContext())
        }
        #expect(fault?.code == .internal)
        #expect(fault?.message.contains("testing") == true)
    }

    @Test("a handler on it that reads gets a fault that names the read")
    func database() async throws {
        let call = Call(ParcelMethods.getParcel, GetParcelRequest(), context: CallContext(), on: NoPlatform())
        let fault = await #expect(throws: Fault.self) {
            _ = try await call.read("parcels") { (tx: borrowing SQLTransaction) in try tx.run("SELECT 1").count }
        }
        #expect(fault?.code == .internal)
        #expect(fault?.message.contains("'parcels'") == true)
    }
}
