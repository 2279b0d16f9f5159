/* tidemark-report: the weekly exception report (reports/README.md). */
#include <stdio.h>

int main(void)
{
    (void)fprintf(stderr, "tidemark-report: nothing is made yet\n");
    return 2;
}
