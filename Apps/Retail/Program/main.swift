import Retail

await RetailProgram.main()
